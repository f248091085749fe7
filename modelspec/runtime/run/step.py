"""The steps themselves: one batch forward, back and into the weights, and many of them in one call
of TensorFlow.

What a step does is what `keras.Model.fit` does, over the same public methods, so that the same
batches give the same weights to the bit. Many steps in one call save what a call costs: the loop
around them comes back to Python only where Python must look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .layer_states import forget_dropped, from_zero, state_variables
from .measures import Measures, results


@dataclass(frozen=True)
class Taken:
    """What a call of many steps did."""

    steps: int
    """How many were taken; the last of them is the one at fault where it was not `good`."""
    good: bool
    """Whether loss and gradients were finite in all of them. The one where they were not changed no
    weight.
    """
    loss: float
    """Of the last step."""
    sound: bool
    """Whether every weight is finite after the last."""
    logs: Mapping[str, Any]
    """Metrics by name, as tensors."""


class TrainingSteps:
    """Trains a compiled model on batches of (inputs, targets) or (inputs, targets, weights).

    Several replicas of the model would be put under `_one`, the function of one batch: nothing else
    here or in the loop around knows how many there are.
    """

    def __init__(self, model: keras.Model, *, roll_back: bool) -> None:
        self.model = model
        self._measures = Measures(model)
        self._roll_back = roll_back
        """Whether a step with numbers that are not finite leaves no trace in metrics and statistics
        either.
        """
        self._one = tf.function(
            self._step, autograph=False, reduce_retracing=True, jit_compile=model.jit_compile
        )
        self._many = tf.function(self._steps, autograph=False, reduce_retracing=True)

    def make_variables(self, iterator: Any) -> None:
        """Have the optimizer and the metrics make their variables, which they otherwise do in a
        first step.
        """
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        _, targets, weights = keras.utils.unpack_x_y_sample_weight(iterator.element_spec)
        self._measures.make_variables(targets, weights)
        self._many.get_concrete_function(iterator, tf.constant(1))

    def __call__(self, iterator: Any, count: int) -> Taken:
        """Take up to `count` steps: fewer where the numbers of one are not finite."""
        steps, good, loss, sound, logs = self._many(iterator, tf.constant(count))
        return Taken(int(steps), bool(good), float(loss), bool(sound), logs)

    def _steps(self, iterator: Any, count: Any) -> Any:
        def body(taken: Any, good: Any, loss: Any) -> Any:
            return taken + 1, *self._one(iterator.get_next())

        taken, good, loss = tf.while_loop(
            lambda taken, good, loss: tf.logical_and(taken < count, good),
            body,
            [tf.constant(0), tf.constant(True), tf.constant(0.0)],
        )
        return taken, good, loss, all_finite(self.model.variables), results(self.model)

    def _step(self, batch: Any) -> Any:
        model = self.model
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        changing = _without_seeds(model) if self._roll_back else []
        before = [tf.identity(variable.value) for variable in changing]
        forget_dropped(model)
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            loss = self._measures.loss(inputs, targets, outputs, weights, training=True)
            scaled = model.optimizer.scale_loss(loss)
        trained = model.trainable_weights
        gradients = tape.gradient(scaled, trained) if trained else []
        # A scale of the loss is found by gradients past the largest number: they are that
        # optimizer's to judge.
        finds_scale = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        good = _finite([loss] if finds_scale else [loss, *gradients])
        self._measures.update_metrics(targets, outputs, weights)
        if changing:
            # Statistics can be lost while the loss is a number; they are rolled back as well.
            good = tf.logical_and(good, all_finite(model.non_trainable_variables))

        def update() -> Any:
            if any(one is not None for one in gradients):  # Keras refuses a loss that reaches none
                model.optimizer.apply(gradients, trained)
            return tf.constant(0)

        def leave() -> Any:
            for variable, value in zip(changing, before, strict=True):
                variable.assign(value)
            return tf.constant(0)

        tf.cond(good, update, leave)
        return good, tf.cast(loss, "float32")


class Counted(NamedTuple):
    """On how many values the loss and the metrics of an output were computed: examples, or the
    steps or pixels of examples.
    """

    every: int
    counted: int
    """Without those that are padding or that the loss ignores."""


class TestSteps:
    """Measures a compiled model on batches, as `keras.Model.evaluate` does."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._measures = Measures(model)
        self._one = tf.function(
            self._step, autograph=False, reduce_retracing=True, jit_compile=model.jit_compile
        )
        self._many = tf.function(self._steps, autograph=False, reduce_retracing=True)
        self._counts: Any = 0

    def __call__(self, iterator: Any, count: int) -> Mapping[str, Any]:
        """Take `count` steps; the metrics so far."""
        logs: Mapping[str, Any]
        logs, counts = self._many(iterator, tf.constant(count))
        self._counts = self._counts + counts.numpy()
        return logs

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Forget what was measured before; what is measured within depends on nothing but the
        weights and the data.
        """
        self.model.reset_metrics()
        self._counts = 0
        with from_zero(self.model):
            yield

    @property
    def counted(self) -> dict[str, Counted]:
        """By output with a loss: on how many values the last measuring was."""
        if isinstance(self._counts, int):
            return {}
        return {
            name: Counted(int(every), int(counted))
            for name, (every, counted) in zip(self._measures.outputs, self._counts, strict=True)
        }

    def _steps(self, iterator: Any, count: Any) -> Any:
        losses = self.model.loss
        outputs = sum(1 for one in keras.tree.flatten(losses) if one is not None)

        def body(taken: Any, counts: Any) -> Any:
            return [taken + 1, counts + self._one(iterator.get_next())]

        _, counts = tf.while_loop(
            lambda taken, counts: taken < count,
            body,
            [tf.constant(0), tf.zeros([outputs, 2], "float64")],
        )
        return results(self.model), counts

    def _step(self, batch: Any) -> Any:
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        outputs = self.model(inputs, training=False)
        self._measures.loss(inputs, targets, outputs, weights, training=False)
        self._measures.update_metrics(targets, outputs, weights)
        return self._measures.counts


def all_finite(variables: Iterable[Any]) -> Any:
    """Whether every float among the variables is a finite number, as a tensor."""
    return _finite(
        [variable.value for variable in variables if keras.backend.is_float_dtype(variable.dtype)]
    )


def _finite(tensors: Iterable[Any]) -> Any:
    found = [
        tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor
        for tensor in tensors
        if tensor is not None
    ]
    return tf.reduce_all(
        tf.stack([tf.reduce_all(tf.math.is_finite(one)) for one in found] or [tf.constant(True)])
    )


def _without_seeds(model: keras.Model) -> list[Any]:
    """What a forward pass changes, but for seeds: the next one is to draw other numbers."""
    state = [
        one for one in model.non_trainable_variables if keras.backend.is_float_dtype(one.dtype)
    ]
    return [*state, *state_variables(model), *model.metrics_variables]
