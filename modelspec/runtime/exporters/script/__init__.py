"""A spec as a Keras script: the same model and training, without modelspec.

    settings_code   settings      -> layers.Dense(4)   the call that creates the same Keras object
    formula_code    a formula     -> ops.exp(x)        of `Expression`, losses, metrics, schedules
    model_code      typed graph   -> build_model()     and a function for each shared sub-model and
                                                       formula
    call_code       one call      -> layer(x)          of a layer, a model, `keras.Input`
    training_code   `training`    -> train(x, y)       compile and fit
    data_code       `data`        -> main()            if a few lines of `source_code` and
                                                       `feature_code` are enough
    step_code       a transform   -> (x - m) / s       in float64, with NumPy
    array_code      an array      -> .reshape(-1, 4)   the shape and dtype of the next step
    python_code     code          -> lines             with the line length of Python's formatters
    assemble        all of it     -> Script

Values of a spec become identifiers and literals; they cannot become code.
"""

from .assemble import Script, script
from .feature_code import table_of

__all__ = ["Script", "script", "table_of"]
