"""The shared layers and models of a built model whose weights are moving averages of others
(`ema_of`).

    average = momentum * average + (1 - momentum) * source        after each step of the optimizer

This includes statistics, e.g. of batch normalization; integers are copied. An average is computed
in the dtype of its weights.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from modelspec.catalog.formula import Formula
from modelspec.compiler.spec.moving_average import MovingAverage

from .weight_formulas import weight_value


class _Pair(NamedTuple):
    """The weights of a moving average, and those that they follow, in the same order."""

    averages: list[Any]
    sources: list[Any]
    momentum: float | Formula


class MovingAverages:
    """Every moving average of a model."""

    def __init__(
        self, model: keras.Model, averages: Mapping[str, MovingAverage], objects: Mapping[str, Any]
    ) -> None:
        """`objects` are the Keras objects of shared names. One that no output depends on is not
        part of the model.
        """
        inside = {id(one) for one in model.weights}
        self._pairs = [
            _Pair(objects[name].weights, objects[one.source].weights, one.momentum)
            for name, one in averages.items()
            if name in objects and inside.issuperset(map(id, objects[name].weights))
        ]
        self._epoch, self._step = (tf.Variable(0, trainable=False, dtype="int64") for _ in range(2))

    def begin(self, loaded: Collection[int] = (), *, anew: bool = True) -> None:
        """Sets each average to its source, except one whose weights were `loaded`, which are given
        by identity. If not `anew`, only where its source was loaded.
        """
        for one in self._pairs:
            is_set = all(id(weight) in loaded for weight in one.averages)
            follows = anew or any(id(weight) in loaded for weight in one.sources)
            if follows and not is_set:
                for average, source in zip(one.averages, one.sources, strict=True):
                    average.assign(source)

    def at(self, epoch: int, step: int) -> None:
        """The next step is this one; both count from 0 over the whole run."""
        self._epoch.assign(epoch)
        self._step.assign(step)

    def advance(self) -> None:
        """Count one step."""
        self._step.assign_add(1)

    def apply(self, optimizer: Any, gradients: list[Any], weights: list[Any]) -> None:
        """A step of an optimizer, and the update of the averages of what it changed. Gradients that
        are only accumulated, or overflow, change nothing.
        """
        if not self._pairs:
            optimizer.apply(gradients, weights)
            return
        before = tf.identity(tf.convert_to_tensor(optimizer.iterations))
        optimizer.apply(gradients, weights)
        # Keras counts the steps that change weights.
        changed = tf.not_equal(tf.convert_to_tensor(optimizer.iterations), before)
        trained = set(map(id, weights))
        chosen = [one for one in self._pairs if not trained.isdisjoint(map(id, one.sources))]

        def update() -> Any:
            for one in chosen:
                self._update(one)
            return tf.constant(0)

        tf.cond(changed, update, lambda: tf.constant(0))

    def _update(self, pair: _Pair) -> None:
        momentum = weight_value(pair.momentum, self._epoch, self._step)
        momentum = tf.clip_by_value(momentum, 0.0, 1.0)
        for average, source in zip(pair.averages, pair.sources, strict=True):
            if not keras.backend.is_float_dtype(average.dtype):
                average.assign(source)
                continue
            kept = tf.cast(momentum, average.dtype)
            average.assign(kept * average.value + (1 - kept) * tf.cast(source.value, average.dtype))


def remember_averages(
    model: keras.Model, averages: Mapping[str, MovingAverage], objects: Mapping[str, Any]
) -> None:
    """Keeps the moving averages of a built model."""
    model.modelspec_averages = MovingAverages(model, averages, objects)


def moving_averages(model: keras.Model) -> MovingAverages:
    """The moving averages of a model."""
    found: MovingAverages | None = getattr(model, "modelspec_averages", None)
    return found if found is not None else MovingAverages(model, {}, {})
