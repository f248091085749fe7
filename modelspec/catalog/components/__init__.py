"""The closed tables of Keras's components: initializers, regularizers, constraints, activations,
optimizers, schedules, losses, metrics and callbacks.

The tables hold only names. A family's classes are imported when a spec gives settings to one of
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .family import Family, component, read_component
from .layer_families import ACTIVATIONS, CONSTRAINTS, INITIALIZERS, REGULARIZERS
from .training_families import CALLBACKS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES

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


def log_name(metric: Metric | str) -> str:
    """What a metric is called in logs, before the output's name and `val_` are put in front of it.

    A name of the metric that fits the shapes (`acc`) is logged as it was written.
    """
    return metric if isinstance(metric, str) else metric.log_name
