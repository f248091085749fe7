"""The closed tables of Keras's components: initializers, regularizers, constraints, activations,
optimizers, schedules, losses, metrics and callbacks.

Only names stand here. A family's classes are imported when a spec gives settings to one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelspec.core.registry import snake_case

from .family import PACKAGE, Family, component, read_component

if TYPE_CHECKING:
    from .metric import Metric

__all__ = [
    "ACTIVATIONS",
    "CALLBACKS",
    "CONSTRAINTS",
    "INITIALIZERS",
    "LOSSES",
    "METRICS",
    "OPTIMIZERS",
    "REGULARIZERS",
    "SCHEDULES",
    "Family",
    "component",
    "log_name",
    "read_component",
]

_ABSTRACT = "it is what Keras's own ones are made from, and does nothing itself"
_FUNCTION = "it takes a Python function"
_HISTORY = "every run does this itself"


def _in_snake_case(kinds: Iterable[str]) -> dict[str, str]:
    """Keras's second name for every class: `he_normal`."""
    return {snake_case(kind): kind for kind in kinds}


_INITIALIZERS = (
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
)
INITIALIZERS = Family(
    "initializer",
    PACKAGE,
    {"initializers": _INITIALIZERS},
    {
        **_in_snake_case(_INITIALIZERS),
        "normal": "RandomNormal",
        "uniform": "RandomUniform",
        "one": "Ones",
        "zero": "Zeros",
        "IdentityInitializer": "Identity",
        "OrthogonalInitializer": "Orthogonal",
        "STFTInitializer": "STFT",
    },
    {"Initializer": _ABSTRACT, "initializer": _ABSTRACT},
    unlisted=frozenset({"Constant", "constant"}),
)

_REGULARIZERS = ("L1", "L2", "L1L2", "OrthogonalRegularizer")
REGULARIZERS = Family(
    "regularizer",
    PACKAGE,
    {"regularizers": _REGULARIZERS},
    {**_in_snake_case(_REGULARIZERS), "l1_l2": "L1L2"},
    {"Regularizer": _ABSTRACT, "regularizer": _ABSTRACT},
    unlisted=frozenset({"l1_l2"}),
)

_CONSTRAINTS = ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")
CONSTRAINTS = Family(
    "constraint",
    PACKAGE,
    {"constraints": _CONSTRAINTS},
    _in_snake_case(_CONSTRAINTS),
    {"Constraint": _ABSTRACT, "constraint": _ABSTRACT},
)

ACTIVATIONS = Family(
    "activation",
    PACKAGE,
    {
        "activations": (
            "celu",
            "elu",
            "exponential",
            "gelu",
            "hard_shrink",
            "hard_sigmoid",
            "hard_silu",
            "hard_tanh",
            "leaky_relu",
            "linear",
            "log_sigmoid",
            "log_softmax",
            "mish",
            "relu",
            "relu6",
            "selu",
            "sigmoid",
            "silu",
            "soft_shrink",
            "softmax",
            "softplus",
            "softsign",
            "sparse_plus",
            "sparse_sigmoid",
            "sparsemax",
            "squareplus",
            "tanh",
            "tanh_shrink",
        )
    },
    {"hard_swish": "hard_silu", "swish": "silu"},
    {
        "glu": (
            "it halves the last axis, which the layer's own shape takes no account of; multiply a"
            " `Dense` with one that has `activation: sigmoid`"
        ),
        "threshold": (
            "its two settings have no defaults, and an activation is a name alone; use the layer "
            "`ReLU: {threshold: ...}`"
        ),
    },
    name_only=True,
)

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
    {"LearningRateSchedule": _ABSTRACT},
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
        "Optimizer": _ABSTRACT,
        "optimizer": _ABSTRACT,
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
        **_in_snake_case(kind for kinds in _LOSSES.values() for kind in kinds),
        **_SHORT,
        "kld": "KLDivergence",
        "KLD": "KLDivergence",
    },
    {"Loss": _ABSTRACT, "LossFunctionWrapper": _FUNCTION},
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
            **_in_snake_case(kind for kinds in _METRICS.values() for kind in kinds),
            **_SHORT,
        }.items()
        # As text, Keras takes `accuracy` for the accuracy that fits the shapes, never for this
        # class.
        if kind != "Accuracy"
    },
    {
        "Metric": _ABSTRACT,
        "metric": _ABSTRACT,
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
    },
    {},
    {
        "Callback": _ABSTRACT,
        "CallbackList": _ABSTRACT,
        "BackupAndRestore": "`training.checkpoint` does it, with nothing lost",
        "OrbaxCheckpoint": "`training.checkpoint` does it",
        "History": _HISTORY,
        "ProgbarLogger": _HISTORY,
        "LambdaCallback": _FUNCTION,
        "RemoteMonitor": "it sends what it sees to an address",
    },
)


def log_name(metric: Metric | str) -> str:
    """What a metric is called in logs, before the output's name and `val_` are put in front of it.

    A name that stands for the metric that fits the shapes (`acc`) is logged as it was written.
    """
    return metric if isinstance(metric, str) else metric.log_name
