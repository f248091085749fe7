"""The component families of the sections `training` and `runtime`: schedules, optimizers, losses,
metrics, callbacks and loggers.
"""

from __future__ import annotations

from .family import ABSTRACT, FORMULA, PACKAGE, Family, in_snake_case

_FUNCTION = "it requires a Python function"
_HISTORY = "every run does this automatically"

SCHEDULES = Family(
    "schedule",
    PACKAGE,
    {
        "schedules": (
            "CosineDecay",
            "CosineDecayRestarts",
            "ExponentialDecay",
            "InverseTimeDecay",
            "PiecewiseConstantDecay",
            "PolynomialDecay",
        ),
        "schedule_expression": ("Expression",),
        "warmup_schedules": ("WarmupLinear", "WarmupCosine"),
    },
    {FORMULA: "Expression"},
    {"LearningRateSchedule": ABSTRACT},
)

OPTIMIZERS = Family(
    "optimizer",
    PACKAGE,
    {
        "adaptive_optimizers": ("Adam", "AdamW"),
        "adam_variants": ("Adamax", "Nadam", "Lamb", "ScheduleFreeAdamW", "Adafactor"),
        "optimizers": ("SGD", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion", "Muon"),
        "nested_optimizers": ("LossScaleOptimizer", "MultiOptimizer"),
    },
    {},
    {
        "Optimizer": ABSTRACT,
        "optimizer": ABSTRACT,
        **dict.fromkeys(
            ("OptimizerMap", "optimizermap"),
            "it is only used as `optimizer_map` of `MultiOptimizer`",
        ),
    },
    any_case=True,
)

_LOSSES = {
    "regression_losses": (
        "MeanSquaredError",
        "MeanAbsoluteError",
        "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError",
        "CosineSimilarity",
        "Huber",
        "LogCosh",
        "Poisson",
        "Hinge",
        "SquaredHinge",
        "CategoricalHinge",
        "Circle",
    ),
    "classification_losses": (
        "BinaryCrossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "CategoricalGeneralizedCrossEntropy",
        "KLDivergence",
        "CTC",
    ),
    "focal_losses": ("BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"),
    "overlap_losses": ("Dice", "Tversky"),
    "loss_expression": ("Expression",),
}
_SHORT = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "bce": "BinaryCrossentropy",
}
_SHORT |= {alias.upper(): kind for alias, kind in _SHORT.items()}
_CROSSENTROPIES = ("BinaryCrossentropy", "SparseCategoricalCrossentropy", "CategoricalCrossentropy")
LOSSES = Family(
    "loss",
    PACKAGE,
    _LOSSES,
    {
        **in_snake_case(kind for kinds in _LOSSES.values() for kind in kinds),
        FORMULA: "Expression",
        **_SHORT,
        "kld": "KLDivergence",
        "KLD": "KLDivergence",
    },
    {"Loss": ABSTRACT, "LossFunctionWrapper": _FUNCTION},
    by_shape={"crossentropy": _CROSSENTROPIES, "ce": _CROSSENTROPIES},
    logged=True,
)

_METRICS = {
    "accuracy_metrics": (
        "Accuracy",
        "BinaryAccuracy",
        "CategoricalAccuracy",
        "SparseCategoricalAccuracy",
        "TopKCategoricalAccuracy",
        "SparseTopKCategoricalAccuracy",
    ),
    "confusion_metrics": (
        "AUC",
        "F1Score",
        "FBetaScore",
        "FalseNegatives",
        "FalsePositives",
        "Precision",
        "PrecisionAtRecall",
        "Recall",
        "RecallAtPrecision",
        "SensitivityAtSpecificity",
        "SpecificityAtSensitivity",
        "TrueNegatives",
        "TruePositives",
    ),
    "probabilistic_metrics": (
        "BinaryCrossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "KLDivergence",
        "Poisson",
        "BinaryIoU",
        "IoU",
        "MeanIoU",
        "OneHotIoU",
        "OneHotMeanIoU",
    ),
    "regression_metrics": (
        "MeanSquaredError",
        "RootMeanSquaredError",
        "MeanAbsoluteError",
        "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError",
        "LogCoshError",
        "CosineSimilarity",
        "R2Score",
        "PearsonCorrelation",
        "ConcordanceCorrelation",
        "Hinge",
        "SquaredHinge",
        "CategoricalHinge",
    ),
    "metric_expression": ("Expression",),
}
_ACCURACIES = ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy")
_OF_VALUES = "it is a sum or mean of values without a target"
_LOSS_ONLY = "in Keras it is only a loss"
METRICS = Family(
    "metric",
    PACKAGE,
    _METRICS,
    {
        alias: kind
        for alias, kind in {
            **in_snake_case(kind for kinds in _METRICS.values() for kind in kinds),
            FORMULA: "Expression",
            **_SHORT,
        }.items()
        # Keras resolves the string `accuracy` to the accuracy that matches the shapes, never to
        # this class.
        if kind != "Accuracy"
    },
    {
        "Metric": ABSTRACT,
        "metric": ABSTRACT,
        **dict.fromkeys(("Mean", "mean", "Sum", "sum"), _OF_VALUES),
        **dict.fromkeys(("MeanMetricWrapper", "mean_metric_wrapper"), _FUNCTION),
        **dict.fromkeys(
            ("binary_focal_crossentropy", "categorical_focal_crossentropy", "huber"), _LOSS_ONLY
        ),
        "log_cosh": "the metric is `LogCoshError`",
    },
    by_shape={"accuracy": _ACCURACIES, "acc": _ACCURACIES},
    logged=True,
)

CALLBACKS = Family(
    "callback",
    PACKAGE,
    {
        "callbacks": ("EarlyStopping", "ReduceLROnPlateau", "SwapEMAWeights", "TerminateOnNaN"),
        "writing_callbacks": ("CSVLogger", "ModelCheckpoint", "TensorBoard"),
        "learning_rate": ("LearningRateScheduler",),
        "remote_monitor": ("RemoteMonitor",),
    },
    {},
    {
        "Callback": ABSTRACT,
        "CallbackList": ABSTRACT,
        "BackupAndRestore": "use `training.checkpoint`, which also saves the state of training",
        "OrbaxCheckpoint": "use `training.checkpoint`",
        "History": _HISTORY,
        "ProgbarLogger": _HISTORY,
        "LambdaCallback": _FUNCTION,
    },
)

LOGGERS = Family("logger", PACKAGE, {"loggers": ("tensorboard", "mlflow", "wandb")})

SAMPLERS = Family(
    "sampler", PACKAGE, {"sweep_methods": ("grid", "random", "tpe", "cmaes", "nsga2")}
)

PRUNERS = Family("pruner", PACKAGE, {"sweep_methods": ("median", "asha", "hyperband")})
