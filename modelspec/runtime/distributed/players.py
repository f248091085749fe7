"""Training steps of players on several replicas: every update adds up what the replicas contribute
to the terms of its player, and its gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import tensorflow as tf

from ..backend.objective import Targets
from ..backend.players import Turn
from ..data.random_inputs import RandomInput
from ..data.shares import Share, slice_of
from ..run.layer_states import forget_dropped
from ..run.player_steps import PlayerSteps
from ..run.step import as_taken, finite_for
from .gradients import summed_gradients
from .local_state import LocalState, shifted_seeds
from .measures import ReplicaMeasures
from .replicas import Part, Replica
from .synchronized import synchronize


class ReplicaPlayers(PlayerSteps):
    """The training steps of one replica, by the players of the training."""

    def __init__(
        self, replica: Replica, random: Mapping[str, RandomInput], *, roll_back: bool
    ) -> None:
        super().__init__(replica.model, random, roll_back=roll_back)
        self._replica = replica
        self._measures = ReplicaMeasures(replica.model, replica)
        self.measures = self._measures
        # Not traced: the replicas exchange values inside.
        self._updates = {one.player.name: self._updating(one) for one in self._turns}
        synchronize(replica)

    def build(self, targets: Any, weights: Any) -> None:
        """Create the variables of the optimizers and the metrics, for batches of these types."""
        with tf.device(self._replica.device):
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self.measures.make_variables(targets, weights)

    @property
    def failed_loss(self) -> str:
        """The logged loss of the first player of the last step whose values were not finite."""
        return self._turns[int(self._failed)].player.loss

    def take(self, part: Part) -> Any:
        """One step: whether it is finite, and the loss of a player that is not. Called while it is
        traced.
        """
        return self._step(self._given(part.batch))

    def _begin(self) -> None:
        self._local = LocalState(self._replica, self._measures.counted_here(), training=True)
        self._local.begin()

    def _share(self) -> None:
        self._local.end(self._replica.sum(self._local.changes(self._part)))

    def _updating(self, turn: Turn) -> Any:
        def update(inputs: Any, given: Targets, good: Any) -> Any:
            forget_dropped(self.model)
            with tf.GradientTape() as tape:
                with shifted_seeds(self.model, self._replica.number):
                    outputs, values, loss = self._forward(turn, inputs, given)
                scaled = turn.optimizer.scale_loss(loss)
            weights = list(turn.weights)
            own = tape.gradient(scaled, weights)
            sums, summed = summed_gradients(self._replica, own, [loss, *values.values()])
            gradients, loss = as_taken(summed, turn.optimizer), sums[0]
            fine = finite_for(loss, gradients, turn.optimizer)
            self._count(turn, dict(zip(values, sums[1:], strict=True)), loss)

            def apply() -> Any:
                if any(one is not None for one in gradients):  # else Keras rejects it
                    self._averages.apply(turn.optimizer, gradients, weights)
                return tf.constant(0)

            tf.cond(tf.logical_and(good, fine), apply, lambda: tf.constant(0))
            return fine, tf.cast(loss, "float32"), outputs

        return update

    def _count(self, turn: Turn, values: Mapping[str, Any], loss: Any) -> None:
        count = self._part.examples
        self._objective.update_means(values, count)
        self._objective.losses[turn.player.name].update_state(loss, sample_weight=count)

    @property
    def _part(self) -> Part:
        part = self._replica.part
        assert part is not None
        return part

    def _forward(self, turn: Turn, inputs: Any, given: Targets) -> Any:
        """As of `PlayerSteps`; what this replica contributes to the terms and the loss."""
        self._measures.begin_pass()
        with ExitStack() as outside:
            found = turn.taps.run(inputs, training=True, outside=outside)
            values = self._measures.terms_of(
                self._objective, found, given, training=True, only=turn.player.terms
            )
        loss = self._measures.loss_of(
            self._objective, turn.player, values, turn.taps, training=True
        )
        return found.outputs, values, loss

    def _drawn(self, inputs: Any, number: int) -> Any:
        """As of `PlayerSteps`; the examples of this replica of the numbers of the global batch."""
        if not number or not self._random:
            return inputs
        examples, position = self._part.examples, self._objective.step
        total = self._replica.total
        start, end, _ = slice_of(Share(0, total, total), examples, self._replica.number)
        of_batch = inputs if isinstance(inputs, dict) else dict.fromkeys(self._random, inputs)
        made = {
            name: tf.ensure_shape(
                one.of_turn(examples, position, number)[start:end], of_batch[name].shape
            )
            for name, one in self._random.items()
        }
        return {**inputs, **made} if isinstance(inputs, dict) else next(iter(made.values()))
