"""The tables of all Keras components: initializers, regularizers, constraints, activations,
optimizers, schedules, losses, metrics and callbacks; of loggers, samplers and pruners.

The tables contain only names. The classes of a family are imported when a spec sets settings of one
of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .family import Family, component, read_component
from .layer_families import ACTIVATIONS, CONSTRAINTS, INITIALIZERS, REGULARIZERS
from .training_families import (
    CALLBACKS,
    LOGGERS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    PRUNERS,
    SAMPLERS,
    SCHEDULES,
)

if TYPE_CHECKING:
    from .metric import Metric

__all__ = [
    "ACTIVATIONS",
    "CALLBACKS",
    "CONSTRAINTS",
    "INITIALIZERS",
    "LOGGERS",
    "LOSSES",
    "METRICS",
    "OPTIMIZERS",
    "PRUNERS",
    "REGULARIZERS",
    "SAMPLERS",
    "SCHEDULES",
    "Family",
    "component",
    "log_name",
    "read_component",
    "weighted_name",
]


def log_name(metric: Metric | str, *, weighted: bool = False) -> str:
    """The name of a metric in logs, before the output's name and `val_` are prepended.

    A name that is resolved by the shapes (`acc`) is logged as written, after `weighted_` for
    weighted metrics.
    """
    if isinstance(metric, str):
        return weighted_name(metric) if weighted else metric
    return metric.log_name


def weighted_name(name: str) -> str:
    """The name in logs of a metric that uses sample weights."""
    return f"weighted_{name}"
