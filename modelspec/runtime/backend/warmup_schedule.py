"""A learning rate with a warm-up, as a schedule of Keras."""

from __future__ import annotations

from math import pi
from typing import Any, Final

import keras
import tensorflow as tf

from modelspec.catalog.components.warmup_schedules import Warmup, length

_ALL: Final = 2**62
"""The steps of a schedule whose end is not known: the rate stays at its highest value."""


class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of a schedule with a warm-up over the optimizer's steps so far."""

    def __init__(self, settings: Warmup) -> None:
        super().__init__()
        self.settings = settings
        self._rising = tf.Variable(0, trainable=False, dtype="int64")
        self._every = tf.Variable(_ALL, trainable=False, dtype="int64")
        self.set_length(None, None)

    def set_length(self, of_epoch: int | None, every: int | None) -> None:
        """The steps of an epoch, and of the whole training with the optimizer."""
        steps = self.settings.steps
        whole = every if steps is None else length(steps).in_steps(of_epoch, None)
        rising = length(self.settings.warmup).in_steps(of_epoch, whole)
        self._every.assign(_ALL if whole is None else whole)
        self._rising.assign(rising or 0)

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a float32 scalar."""
        set_ = self.settings
        step, rising, every = (tf.cast(one, "float64") for one in (step, self._rising, self._every))
        up = set_.initial_learning_rate + (
            set_.learning_rate - set_.initial_learning_rate
        ) * step / tf.maximum(rising, 1.0)
        part = tf.clip_by_value((step - rising) / tf.maximum(every - rising, 1.0), 0.0, 1.0)
        left = 0.5 * (1.0 + tf.cos(tf.constant(pi, "float64") * part))
        if set_.falls == "linear":
            left = 1.0 - part
        down = set_.end_learning_rate + (set_.learning_rate - set_.end_learning_rate) * left
        return tf.cast(tf.where(step < rising, up, down), "float32")

    def get_config(self) -> dict[str, Any]:
        """The settings. They cannot be loaded: the saved model has no optimizer."""
        return self.settings.model_dump()
