"""A learning rate by a formula, as a schedule of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import keras
import tensorflow as tf

from modelspec.catalog.formula import Formula

from .warmup_schedule import WarmupSchedule
from .weight_formulas import weight_value

_UNKNOWN: Final = 2**62
"""The steps of an epoch before a run sets them: every step is in epoch 0."""


class FormulaSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The value of a formula over `step`, the optimizer's steps so far, and `epoch`."""

    def __init__(self, formula: Formula) -> None:
        super().__init__()
        self.formula = formula
        self.steps = tf.Variable(_UNKNOWN, trainable=False, dtype="int64")
        """The steps of an epoch."""

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a float32 scalar."""
        step = tf.cast(step, "int64")
        return tf.cast(weight_value(self.formula, step // self.steps, step), "float32")

    def set_length(self, of_epoch: int, every: int | None) -> None:
        """The steps of an epoch; those of the whole training have no effect."""
        self.steps.assign(of_epoch)

    def get_config(self) -> dict[str, Any]:
        """The text of the formula. It cannot be loaded: the saved model has no optimizer."""
        return {"formula": str(self.formula)}


def set_epoch(optimizer: Any, steps: int, every: int | None = None) -> None:
    """Sets the steps of an epoch, and of the whole training, for the schedules of an optimizer."""
    for one in _schedules(optimizer):
        one.set_length(steps, every)


def has_schedules(optimizer: Any) -> bool:
    """Whether the rate of an optimizer is a schedule that Keras does not have."""
    return any(True for _ in _schedules(optimizer))


def _schedules(optimizer: Any) -> Iterator[FormulaSchedule | WarmupSchedule]:
    """The schedules of an optimizer that Keras does not have, of those inside a loss scale, and of
    each of several.
    """
    rate = getattr(optimizer, "_learning_rate", None)  # `learning_rate` is its current value
    if isinstance(rate, (FormulaSchedule, WarmupSchedule)):
        yield rate
    inner = getattr(optimizer, "inner_optimizer", None)
    several = getattr(optimizer, "optimizers", ())
    for one in (inner, *several):
        if one is not None and one is not optimizer:
            yield from _schedules(one)
