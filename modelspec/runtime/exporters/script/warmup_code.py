"""A learning rate with a warm-up, as code of Keras."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import keras
from keras import ops

from modelspec.catalog.components.warmup_schedules import Length, Warmup, length

from .python_code import Bracketed, Named, literal
from .rate_code import STEPS

EPOCHS: Final = "epochs"
"""The variable of a script with the epochs of a training."""


class WarmupRate(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from `initial` to `highest` in the warm-up, and falls to `end` in all steps."""

    def __init__(
        self,
        highest: float,
        warmup: Any,
        steps: Any,
        falls: Any = "linear",
        initial: float = 0.0,
        end: float = 0.0,
    ) -> None:
        self.highest = highest
        self.warmup = warmup
        self.steps = steps
        self.falls = falls
        self.initial = initial
        self.end = end

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float64")
        up = self.initial + (self.highest - self.initial) * step / max(self.warmup, 1)
        part = ops.clip((step - self.warmup) / max(self.steps - self.warmup, 1), 0.0, 1.0)
        left = 0.5 * (1.0 + ops.cos(math.pi * part)) if self.falls == "cosine" else 1.0 - part
        down = self.end + (self.highest - self.end) * left
        return ops.cast(ops.where(step < self.warmup, up, down), "float32")

    def get_config(self) -> Any:
        return dict(vars(self))


def warmup_code(settings: Warmup) -> Bracketed:
    """`WarmupRate(0.001, 500, steps * epochs, falls="cosine")`."""
    every = f"{STEPS} * {EPOCHS}"
    if settings.steps is not None:
        every = _in_steps(length(settings.steps), every)
    arguments = [
        literal(settings.learning_rate),
        _in_steps(length(settings.warmup), every),
        every,
        Named("falls", literal(settings.falls)),
    ]
    if settings.initial_learning_rate:
        arguments.append(Named("initial", literal(settings.initial_learning_rate)))
    if settings.end_learning_rate:
        arguments.append(Named("end", literal(settings.end_learning_rate)))
    return Bracketed(f"{WarmupRate.__name__}(", tuple(arguments), ")")


def _in_steps(part: Length, every: str) -> str:
    if part.steps is not None:
        return str(part.steps)
    if part.epochs is not None:
        count = f"{part.epochs:g} * {STEPS}"
        return count if part.epochs.is_integer() else f"round({count})"
    return f"math.ceil(round({part.percent:g} * {every} / 100, 6))"


def lengths(optimizer: str, epochs: int, batch_size: int) -> list[str]:
    """The lines that define the names of lengths which the code of an optimizer contains."""
    count = f"-(-len(keras.tree.flatten(x)[0]) // {batch_size})"
    values = {STEPS: count, EPOCHS: str(epochs)}
    found = [name for name in values if re.search(rf"(?<![\w.\"]){name}(?![\w=\"])", optimizer)]
    return [f"{name} = {values[name]}" for name in found]
