"""The families of components that the section `training` takes: schedules, optimizers, losses,
metrics and callbacks.
"""

from __future__ import annotations

from .family import ABSTRACT, PACKAGE, Family, in_snake_case

_FUNCTION = "it takes a Python function"
_HISTORY = "every run does this itself"

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
        )
    },
    {},
    {"LearningRateSchedule": ABSTRACT},
)

OPTIMIZERS = Family(
    "optimizer",
    PACKAGE,
    {
        "adaptive_optimizers": (
            "Adam",
            "AdamW",
            "Adamax",
            "Nadam",
            "Lamb",
            "ScheduleFreeAdamW",
            "Adafactor",
        ),
        "optimizers": ("SGD", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion", "Muon"),
        "nested_optimizers": ("LossScaleOptimizer", "MultiOptimizer"),
    },
    {},
    {
        "Optimizer": ABSTRACT,
        "optimizer": ABSTRACT,
        **dict.fromkeys(
            ("OptimizerMap", "optimizermap"), "it is the `optimizer_map` of `MultiOptimizer`"
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
        "BinaryFocalCrossentropy",
        "CategoricalCrossentropy",
        "CategoricalFocalCrossentropy",
        "SparseCategoricalCrossentropy",
        "CategoricalGeneralizedCrossEntropy",
        "KLDivergence",
        "Dice",
        "Tversky",
        "CTC",
    ),
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
_OF_VALUES = "it is a sum or mean of values, and compares nothing with a target"
_LOSS_ONLY = "Keras has it as a loss only"
METRICS = Family(
    "metric",
    PACKAGE,
    _METRICS,
    {
        alias: kind
        for alias, kind in {
            **in_snake_case(kind for kinds in _METRICS.values() for kind in kinds),
            **_SHORT,
        }.items()
        # As text, Keras takes `accuracy` for the accuracy that fits the shapes, never for this
        # class.
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
        "log_cosh": "as a metric it is `LogCoshError`",
    },
    by_shape={"accuracy": _ACCURACIES, "acc": _ACCURACIES},
    logged=True,
)

CALLBACKS = Family(
    "callback",
    PACKAGE,
    {
        "callbacks": (
            "CSVLogger",
            "EarlyStopping",
            "ModelCheckpoint",
            "ReduceLROnPlateau",
            "SwapEMAWeights",
            "TensorBoard",
            "TerminateOnNaN",
        ),
        "learning_rate": ("LearningRateScheduler",),
        "remote_monitor": ("RemoteMonitor",),
    },
    {},
    {
        "Callback": ABSTRACT,
        "CallbackList": ABSTRACT,
        "BackupAndRestore": "`training.checkpoint` does it, with nothing lost",
        "OrbaxCheckpoint": "`training.checkpoint` does it",
        "History": _HISTORY,
        "ProgbarLogger": _HISTORY,
        "LambdaCallback": _FUNCTION,
    },
)
