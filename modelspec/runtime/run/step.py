"""Training steps: the forward and backward pass and the weight update of one batch, and many steps
in one call of TensorFlow.

A step does the same as `keras.Model.fit`, with the same public methods, so the same batches give
exactly the same weights. Many steps in one call save the overhead of calls: control returns to
Python only when necessary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ..backend.attached_objective import attached
from ..backend.moving_averages import moving_averages
from ..backend.traced import traced
from .layer_states import forget_dropped, from_zero, state_variables
from .measures import Measures, results


@dataclass(frozen=True)
class Taken:
    """The result of a call of many steps."""

    steps: int
    """The number of steps that were run; if not `good`, the last of them failed."""
    good: bool
    """Whether loss and gradients were finite in all steps. A failed step did not change weights."""
    loss: float
    """The loss of the last step."""
    sound: bool
    """Whether every weight is finite after the last step."""
    logs: Mapping[str, Any]
    """Metrics by name, as tensors."""
    failed: str = "loss"
    """The name of the loss; with players that of the player whose update failed."""


class TrainingSteps:
    """Trains a compiled model on batches of (inputs, targets) or (inputs, targets, weights).

    Several replicas of the model would be handled in `_one`, the function of one batch: the other
    functions do not depend on their number.
    """

    def __init__(self, model: keras.Model, *, roll_back: bool, jit: bool | None = None) -> None:
        """`jit`: whether XLA compiles a step; None: as the model is compiled."""
        self.model = model
        self.measures = Measures(model)
        self._attached = attached(model)
        self._averages = moving_averages(model)
        self.rolls_back = roll_back
        """Whether a step with values that are not finite does not change metrics and statistics
        either.
        """
        jit = model.jit_compile if jit is None else jit
        self._one = traced(self._step, reduce_retracing=True, jit_compile=jit)
        self._many = traced(self._steps, reduce_retracing=True)

    def make_variables(self, iterator: Any) -> None:
        """Make the optimizer and the metrics create their variables, which they otherwise do in the
        first step.
        """
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        _, targets, weights = keras.utils.unpack_x_y_sample_weight(iterator.element_spec)
        self.measures.make_variables(targets, weights)
        self._many.get_concrete_function(iterator, tf.constant(1))

    def __call__(self, iterator: Any, count: int) -> Taken:
        """Run up to `count` steps; stops early if values are not finite."""
        steps, good, loss, sound, logs = self._many(iterator, tf.constant(count))
        return Taken(int(steps), bool(good), float(loss), bool(sound), logs)

    def operations(self, iterator: Any) -> int:
        """The number of operations of a step."""
        traced_steps = self._many.get_concrete_function(iterator, tf.constant(1))
        graph = traced_steps.graph.as_graph_def()
        return len(graph.node) + sum(len(one.node_def) for one in graph.library.function)

    def at(self, epoch: int, step: int) -> None:
        """The next step is this one of the run, for what depends on its place."""
        self._averages.at(epoch, step)
        if self._attached is not None:
            self._attached.objective.at(epoch, step)

    def _steps(self, iterator: Any, count: Any) -> Any:
        def body(taken: Any, good: Any, loss: Any) -> Any:
            return taken + 1, *self._one(self._given(iterator.get_next()))

        taken, good, loss = tf.while_loop(
            lambda taken, good, loss: tf.logical_and(taken < count, good),
            body,
            [tf.constant(0), tf.constant(True), tf.constant(0.0)],
        )
        return taken, good, loss, all_finite(self.model.variables), results(self.model)

    def _given(self, batch: Any) -> Any:
        """What a step takes; unlike the step, it is not compiled by XLA."""
        return batch

    def _step(self, batch: Any) -> Any:
        model = self.model
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        changing = without_seeds(model) if self.rolls_back else []
        before = [tf.identity(variable.value) for variable in changing]
        forget_dropped(model)
        with tf.GradientTape() as tape:
            outputs, targets = self.measures.forward(inputs, targets, training=True)
            loss = self.measures.loss(inputs, targets, outputs, weights, training=True)
            scaled = model.optimizer.scale_loss(loss)
        trained = model.trainable_weights
        gradients = tape.gradient(scaled, trained) if trained else []
        gradients = as_taken(gradients, model.optimizer)
        good = finite_for(loss, gradients, model.optimizer)
        self.measures.update_metrics(targets, outputs, weights)
        if changing:
            # Statistics can become invalid while the loss is finite; they are rolled back as well.
            good = tf.logical_and(good, all_finite(model.non_trainable_variables))

        self._finish(good, gradients, changing, before)
        return good, tf.cast(loss, "float32")

    def _finish(
        self, good: Any, gradients: list[Any], changing: list[Any], before: list[Any]
    ) -> None:
        """Update the weights, or restore what the step has changed."""
        model = self.model

        def update() -> Any:
            if any(one is not None for one in gradients):  # else Keras rejects it
                self._averages.apply(model.optimizer, gradients, model.trainable_weights)
            return tf.constant(0)

        def leave() -> Any:
            for variable, value in zip(changing, before, strict=True):
                variable.assign(value)
            return tf.constant(0)

        tf.cond(good, update, leave)
        self._averages.advance()
        if self._attached is not None:
            self._attached.objective.advance()


class Counted(NamedTuple):
    """The number of values from which the loss and metrics of an output were computed: examples, or
    their steps or pixels.
    """

    every: int
    counted: int
    """The number without padding and values that the loss ignores."""


class TestSteps:
    """Measures a compiled model on batches, as `keras.Model.evaluate` does."""

    def __init__(self, model: keras.Model, *, jit: bool | None = None) -> None:
        """`jit` as of `TrainingSteps`."""
        self.model = model
        self._measures = Measures(model)
        self._attached = attached(model)
        jit = model.jit_compile if jit is None else jit
        self._one = traced(self._step, reduce_retracing=True, jit_compile=jit)
        self._many = traced(self._steps, reduce_retracing=True)
        self._counts: Any = 0

    def __call__(self, iterator: Any, count: int) -> Mapping[str, Any]:
        """Run `count` steps; returns the current metrics."""
        logs: Mapping[str, Any]
        logs, counts = self._many(iterator, tf.constant(count))
        self._counts = self._counts + counts.numpy()
        return logs

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Resets the metrics; results inside this context depend only on the weights
        and the data.
        """
        self.model.reset_metrics()
        self._counts = 0
        if self._attached is not None:
            self._attached.objective.begin_test()
        with from_zero(self.model):
            yield

    @property
    def counted(self) -> dict[str, Counted]:
        """By output with a loss: the number of values in the last measurement."""
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
        outputs, targets = self._measures.forward(inputs, targets, training=False)
        self._measures.loss(inputs, targets, outputs, weights, training=False)
        self._measures.update_metrics(targets, outputs, weights)
        return self._measures.counts


def all_finite(variables: Iterable[Any]) -> Any:
    """Whether all floats in the variables are finite, as a tensor."""
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


def finite_for(loss: Any, gradients: Iterable[Any], optimizer: Any) -> Any:
    """Whether an optimizer can use loss and gradients, as a tensor. A loss scale is found by
    overflowing gradients: that optimizer handles them.
    """
    finds_scale = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return _finite([loss] if finds_scale else [loss, *gradients])


def as_taken(gradients: list[Any], optimizer: Any) -> list[Any]:
    """The gradients in the form that an optimizer takes."""
    return [_dense(one) for one in gradients] if _scales_by_factor(optimizer) else gradients


def _scales_by_factor(optimizer: Any) -> bool:
    """Whether the optimizer divides gradients by `loss_scale_factor`, which Keras cannot do with
    sparse gradients.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return False
    return optimizer.loss_scale_factor is not None


def _dense(gradient: Any) -> Any:
    """The gradient as a dense tensor."""
    sparse = isinstance(gradient, tf.IndexedSlices)
    return tf.convert_to_tensor(gradient) if sparse else gradient


def without_seeds(model: keras.Model) -> list[Any]:
    """The variables that a forward pass changes, except seeds: the next pass should draw other
    numbers.
    """
    state = [
        one for one in model.non_trainable_variables if keras.backend.is_float_dtype(one.dtype)
    ]
    return [*state, *state_variables(model), *model.metrics_variables]
