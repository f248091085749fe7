"""A spec as a Keras script: the same model, the same training, nothing of modelspec.

    settings      settings       -> layers.Dense(4)       the call that makes the same Keras object
    formula       a formula      -> ops.exp(x)            of `Expression`, losses, metrics and schedules
    model         typed graph    -> build_model()         and a function for each shared sub-model and formula
    training      `training`     -> train(x, y)           compile and fit
    data          `data`         -> main()                where a few lines of `reading` and `preparing` do it
    code          code           -> lines                 no longer than Python's formatters make them
    whole         all of it      -> Script

What a spec says becomes identifiers and literals; nothing in it can become code.
"""

from .assemble import Script, script
from .feature_code import table_of

__all__ = ["Script", "script", "table_of"]
