"""Names and settings of components in Keras 1 and 2, and their current equivalents.

Sources: the documentation of Keras 1.2.2, 2.3.1 and of tf.keras 2.15. Short names that Keras 3
accepts itself (`mse`, `he_normal`, `acc`) are current.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .table_rows import Dropped, Renamed, Row

REGULARIZERS: Final[Mapping[str, str]] = {
    "WeightRegularizer": "L1L2",
    "ActivityRegularizer": "L1L2",
    "activity_l1": "L1",
    "activity_l2": "L2",
    "activity_l1l2": "L1L2",
}
CONSTRAINTS: Final[Mapping[str, str]] = {
    "maxnorm": "MaxNorm",
    "nonneg": "NonNeg",
    "unitnorm": "UnitNorm",
}
ACTIVATIONS: Final[Mapping[str, str]] = {"time_distributed_softmax": "softmax"}
_COMPARED: Final[Mapping[str, str]] = {
    "kullback_leibler_divergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity",
    "cosine": "cosine_similarity",
    "CosineProximity": "CosineSimilarity",
}
LOSSES: Final[Mapping[str, str]] = {**_COMPARED, "logcosh": "log_cosh"}
METRICS: Final[Mapping[str, str]] = {**_COMPARED, "logcosh": "log_cosh_error"}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "regularizer": REGULARIZERS,
    "constraint": CONSTRAINTS,
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "metric": METRICS,
}
"""By family: the current name for each old one. The last word of a setting is its family:
`kernel_regularizer`.
"""

ARGUMENTS: Final[Mapping[str, Mapping[str, Row]]] = {
    "MaxNorm": {"m": Renamed("max_value")},
    "L1": {"l": Renamed("l1")},
    "L2": {"l": Renamed("l2")},
}
_NOT_THERE = Dropped("the current callback does not have it")
FORMULA: Final[Mapping[str, Row]] = {"expression": Renamed("formula")}
"""The key of a formula in a loss, a metric or a callback."""
CALLBACK_SETTINGS: Final[Mapping[str, Mapping[str, Row]]] = {
    "LearningRateScheduler": FORMULA,
    "ReduceLROnPlateau": {"epsilon": Renamed("min_delta")},
    "ModelCheckpoint": {
        "period": Dropped("every epoch is the current behavior", only=(1,)),
        "load_weights_on_restart": Dropped("`false` is the current behavior", only=(False,)),
    },
    "TensorBoard": {
        "batch_size": _NOT_THERE,
        "write_grads": _NOT_THERE,
        "embeddings_layer_names": Dropped("`null` is the current behavior", only=(None,)),
        "embeddings_data": Dropped("`null` is the current behavior", only=(None,)),
    },
}
OPTIMIZER_SETTINGS: Final[Mapping[str, Row]] = {
    "lr": Renamed("learning_rate"),
    "decay": Dropped("0 means no decay", only=(0, None)),
    "schedule_decay": Dropped("0.004 is always used", only=(0.004,)),
    "epsilon": Dropped("`null` meant the default", only=(None,)),
}
"""Of every optimizer."""
DECAY: Final = "decay"
"""The setting that divided the learning rate by `1 + decay * steps`: now the schedule
`InverseTimeDecay`.
"""
TRAINING: Final[Mapping[str, Row]] = {"nb_epoch": Renamed("epochs")}
"""Of the section `training`: arguments of `fit`."""


def settings_of(family: str, kind: str) -> Mapping[str, Row]:
    """Current names for the old settings of a component, by the current name of the component (in
    any spelling).
    """
    if family == "optimizer":
        return OPTIMIZER_SETTINGS
    if family == "callback":
        return CALLBACK_SETTINGS.get(kind, {})
    spellings = {"max_norm": "MaxNorm", "l1": "L1", "l2": "L2"}
    return ARGUMENTS.get(spellings.get(kind, kind), {})
