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
    "weighted_name",
]


def log_name(metric: Metric | str, *, weighted: bool = False) -> str:
    """What a metric is called in logs, before the output's name and `val_` are put in front of it.

    A name of the metric that fits the shapes (`acc`) is logged as it was written, after `weighted_`
    where it counts with the examples' weights.
    """
    if isinstance(metric, str):
        return weighted_name(metric) if weighted else metric
    return metric.log_name


def weighted_name(name: str) -> str:
    """What a metric is called that counts with the examples' weights."""
    return f"weighted_{name}"
