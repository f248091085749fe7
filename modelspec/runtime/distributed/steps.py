"""Training and validation steps on several replicas.

A step of a replica does the same as `run/step.py`, and adds up over the replicas everything that is
a sum over examples, in one message: contributions to the loss, gradients, counts of metrics,
changes of statistics. All replicas then apply the same numbers to equal variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from ..backend.attached_objective import attached
from ..backend.traced import traced
from ..data.random_inputs import RandomInput
from ..run.layer_states import forget_dropped
from ..run.measures import results
from ..run.step import (
    Taken,
    TestSteps,
    TrainingSteps,
    all_finite,
    as_taken,
    finite_for,
    without_seeds,
)
from .gradients import summed_gradients
from .local_state import LocalState, shifted_seeds
from .measures import ReplicaMeasures
from .players import ReplicaPlayers
from .replicas import Group, Part, Replica
from .synchronized import synchronize


def replica_steps(
    replica: Replica, random: Mapping[str, RandomInput], *, roll_back: bool
) -> ReplicaSteps | ReplicaPlayers:
    """The steps of one replica, with or without players. `random` are the random inputs."""
    found = attached(replica.model)
    if found is None or not found.turns:
        return ReplicaSteps(replica, roll_back=roll_back)
    return ReplicaPlayers(replica, random, roll_back=roll_back)


class ReplicaSteps(TrainingSteps):
    """The training steps of one replica."""

    def __init__(self, replica: Replica, *, roll_back: bool) -> None:
        super().__init__(replica.model, roll_back=roll_back)
        self._replica = replica
        self._measures = ReplicaMeasures(replica.model, replica)
        self.measures = self._measures
        synchronize(replica)

    def build(self, targets: Any, weights: Any) -> None:
        """Create the variables of the optimizer and the metrics, for batches of these types."""
        with tf.device(self._replica.device):
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self.measures.make_variables(targets, weights)

    def take(self, part: Part) -> Any:
        """One step: whether it is finite, and its loss. Called while it is traced."""
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(part.batch)
        changing = without_seeds(self.model) if self.rolls_back else []
        before = [tf.identity(variable.value) for variable in changing]
        local = LocalState(self._replica, self._measures.counted_here(), training=True)
        local.begin()
        gradients, outputs, targets = self._gradients(inputs, targets, weights)
        self._measures.update_metrics(targets, outputs, weights)
        summed = self._summed(gradients, local, part)
        gradients, loss = as_taken(summed, self.model.optimizer), self._sums["loss"]
        good = finite_for(loss, gradients, self.model.optimizer)
        if changing:
            good = tf.logical_and(good, all_finite(self.model.non_trainable_variables))
        self._finish(good, gradients, changing, before)
        return good, tf.cast(loss, "float32")

    def _gradients(self, inputs: Any, targets: Any, weights: Any) -> Any:
        """The gradients of what this replica contributes to the loss; outputs and targets."""
        model = self.model
        forget_dropped(model)
        with tf.GradientTape() as tape:
            with shifted_seeds(model, self._replica.number):
                outputs, targets = self._measures.forward(inputs, targets, training=True)
            loss = self._measures.loss(inputs, targets, outputs, weights, training=True)
            scaled = model.optimizer.scale_loss(loss)
        trained = model.trainable_weights
        return (tape.gradient(scaled, trained) if trained else []), outputs, targets

    def _summed(self, gradients: Sequence[Any], local: LocalState, part: Part) -> list[Any]:
        """The gradients of the global batch; its loss and its metrics are counted."""
        found = self._measures.contributions
        more = [*found.values(), *local.changes(part)]
        sums, summed = summed_gradients(self._replica, gradients, more)
        self._sums = dict(zip(found, sums, strict=False))
        self._measures.count(self._sums)
        local.end(sums[len(found) :])
        return summed

    @property
    def failed_loss(self) -> str:
        """The logged loss that was not finite in a step that failed."""
        return "loss"


class GroupSteps:
    """Trains the replicas of a process; used as `TrainingSteps`. Its batches are those of
    `Task.shared`: the batch of this process, and the number of examples of the global one.
    """

    def __init__(self, group: Group, each: Sequence[ReplicaSteps | ReplicaPlayers]) -> None:
        self._group, self._each = group, list(each)
        self.model = each[0].model
        self._many = traced(self._steps, reduce_retracing=True)

    def make_variables(self, iterator: Any) -> None:
        """As of `TrainingSteps`, on every replica."""
        batch, _ = iterator.element_spec
        _, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        for one in self._each:
            one.build(targets, weights)
        self._many.get_concrete_function(iterator, tf.constant(1))

    def __call__(self, iterator: Any, count: int) -> Taken:
        """As of `TrainingSteps`. Raises `RunError` (MS942) if a process is lost."""
        self._group.equalize()
        with self._group.named_errors():
            steps, good, loss, sound, logs = self._many(iterator, tf.constant(count))
            taken = Taken(int(steps), bool(good), float(loss), bool(sound), logs)
        return taken if taken.good else replace(taken, failed=self._each[0].failed_loss)

    def at(self, epoch: int, step: int) -> None:
        """The next step is this one of the run, for what depends on its place."""
        for one in self._each:
            one.at(epoch, step)

    def _steps(self, iterator: Any, count: Any) -> Any:
        first = self._group.share.first

        def step(replica: Replica, part: Part) -> Any:
            return self._each[replica.number - first].take(part)

        def body(taken: Any, good: Any, loss: Any) -> Any:
            with tf.control_dependencies([good]):  # messages are in the order of the steps
                batch, examples = iterator.get_next()
            return taken + 1, *self._group.run(step, batch, examples)

        taken, good, loss = tf.while_loop(
            lambda taken, good, loss: tf.logical_and(taken < count, good),
            body,
            [tf.constant(0), tf.constant(True), tf.constant(0.0)],
            parallel_iterations=1,
        )
        return taken, good, loss, all_finite(self.model.variables), results(self.model)


class GroupTest(TestSteps):
    """Measures the replicas of a process; used as `TestSteps`, with batches as of `GroupSteps`."""

    def __init__(self, group: Group) -> None:
        super().__init__(group.replicas[0].model)
        self._group = group
        self._each = {one.number: ReplicaMeasures(one.model, one) for one in group.replicas}
        self._measures = self._each[group.replicas[0].number]

    def __call__(self, iterator: Any, count: int) -> Mapping[str, Any]:
        """As of `TestSteps`. Raises `RunError` (MS942) if a process is lost."""
        batch, _ = iterator.element_spec
        _, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        for one in self._each.values():
            one.make_variables(targets, weights)  # unless a training has made them
        self._group.equalize()
        with self._group.named_errors():
            return super().__call__(iterator, count)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """As of `TestSteps`, on every replica."""
        for one in self._group.replicas[1:]:
            found = attached(one.model)
            if found is not None:
                found.objective.begin_test()
        with super().measuring():
            yield

    def _steps(self, iterator: Any, count: Any) -> Any:
        outputs = sum(1 for one in keras.tree.flatten(self.model.loss) if one is not None)

        def body(taken: Any, counts: Any) -> Any:
            with tf.control_dependencies([counts]):  # messages are in the order of the steps
                batch, examples = iterator.get_next()
            return [taken + 1, counts + self._group.run(self._take, batch, examples)]

        _, counts = tf.while_loop(
            lambda taken, counts: taken < count,
            body,
            [tf.constant(0), tf.zeros([outputs, 2], "float64")],
            parallel_iterations=1,
        )
        return results(self.model), counts

    def _take(self, replica: Replica, part: Part) -> Any:
        """The number of values of the global batch by output; the metrics count it."""
        measures = self._each[replica.number]
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(part.batch)
        local = LocalState(replica, measures.counted_here(), training=False)
        local.begin()
        outputs, targets = measures.forward(inputs, targets, training=False)
        measures.loss(inputs, targets, outputs, weights, training=False)
        measures.update_metrics(targets, outputs, weights)
        found = measures.contributions
        sums = replica.sum([measures.counts, *found.values(), *local.changes(part)])
        measures.count(dict(zip(found, sums[1:], strict=False)))
        local.end(sums[1 + len(found) :])
        return sums[0]
