"""The descriptions of the keys of `sweep` that are read in parts: what each takes, its meaning, and
an example.
"""

from __future__ import annotations

from typing import Final

_TRAINED = (
    "vars: {width: 16}\n"
    "model:\n  inputs: {x: [4]}\n  layers:\n"
    "    - Dense: {units: $width, activation: relu}\n    - Dropout: {rate: 0.2, name: drop}\n"
    "    - Dense: {units: 3, activation: softmax}\n"
    "data:\n  source: {dataset: iris}\n  split: {folds: 5, validation: 0.2}\n"
    "  inputs: {x: {column: features}}\n  targets: {column: target}\n"
    "training:\n  optimizer: {Adam: 0.01}\n  loss: sparse_categorical_crossentropy\n"
    "  metrics: [accuracy]\n"
)

SWEEP: Final[dict[str, tuple[str, str, str]]] = {
    "sweep": (
        "a mapping",
        "A search for the values of some keys that give the best runs. `modelspec sweep` makes its"
        " trials; `modelspec train` ignores it, and trains the spec with its own values."
        " `modelspec check` compiles all combinations of the listed values and of the ends of"
        " ranges (of more than 1,000, or of large models, a sample), and reports each fault at the"
        " value that causes it.",
        _TRAINED + "sweep:\n  objective: {maximize: val_accuracy}\n  trials: 40\n  parameters:\n"
        "    vars.width: [8, 16, 32]\n"
        "    training.optimizer.Adam.learning_rate: {log_uniform: [1e-4, 1e-1]}",
    ),
    "sweep.objective": (
        "`maximize` or `minimize` with a quantity, or a list of two",
        "The quantity of the runs that is optimized: a metric with its part, as in `expect`"
        " (`val_accuracy`), or `parameters`, `trainable_parameters`, `multiply_adds`, `memory`,"
        " `size`, `seconds` or `epochs`. Metrics are those of the saved model. With two objectives"
        " the result is the Pareto front: the trials that no other trial beats in both. With all"
        " folds it is the mean over the folds.",
        _TRAINED + "sweep:\n  objective: [{maximize: val_accuracy}, {minimize: multiply_adds}]\n"
        "  trials: 40\n  parameters: {vars.width: [8, 16, 32]}",
    ),
    "sweep.parameters": (
        "a mapping of paths to lists of values or ranges",
        "The values to search. A path is written as for `--set`: `vars.width`,"
        " `training.optimizer.Adam.learning_rate`, `model.layers.drop.rate`. Its values are a"
        " list, whose items may be any values, or a range: `{uniform: [0, 0.5]}`,"
        " `{log_uniform: [1e-5, 1e-2]}` (by logarithm) or `{integers: [2, 6]}`; both ends are"
        " included. `step` is the distance between the values of a `uniform` or `integers` range,"
        " and `log: true` draws integers by logarithm. With `when` a parameter is set only if its"
        " condition holds: an expression over `vars`, with their values in the trial, and over"
        ' other parameters by their paths (`$(training.optimizer == "SGD")`); a listed value is'
        " then `{values: [...], when: ...}`. Listed values may contain expressions. Values are set"
        " before expressions are evaluated, shorter paths first. `data.split.fold: all` makes every"
        " trial one run for each fold of `split: {folds: 5}`; alone, it is a cross-validation.",
        _TRAINED + "sweep:\n  objective: {maximize: test_accuracy}\n  trials: 40\n  parameters:\n"
        "    vars.width: [8, 16, 32]\n"
        "    model.layers.drop.rate: {uniform: [0, 0.5], when: $(width > 8)}\n"
        "    data.split.fold: all",
    ),
}
