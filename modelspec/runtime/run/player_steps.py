"""Training steps of players: in each step every player updates the weights of its layers with its
own loss and optimizer, in turn.

All updates of a step use its batch. Each computes a separate forward pass, with new random numbers:
in layers, in formulas, and in the random inputs of the data. It runs only the layers before the
tensors that the terms of the player read, with the weights after the update before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import keras
import tensorflow as tf

from ..backend.attached_objective import attached
from ..backend.objective import Targets, split_targets
from ..backend.players import PlayersObjective, Turn
from ..backend.traced import traced
from ..data.random_inputs import RandomInput
from .layer_states import forget_dropped
from .measures import batch_size, output_names
from .step import Taken, TrainingSteps, as_taken, finite_for, without_seeds

_NONE_FAILED: Final = -1


def training_steps(
    model: keras.Model,
    random: Mapping[str, RandomInput],
    *,
    roll_back: bool,
    jit: bool | None = None,
) -> TrainingSteps:
    """The steps of a training, with or without players. `random` are the random inputs, `jit` as of
    `TrainingSteps`.
    """
    found = attached(model)
    if found is None or not found.turns:
        return TrainingSteps(model, roll_back=roll_back, jit=jit)
    return PlayerSteps(model, random, roll_back=roll_back, jit=jit)


class PlayerSteps(TrainingSteps):
    """Trains a compiled model by the players of its training."""

    def __init__(
        self,
        model: keras.Model,
        random: Mapping[str, RandomInput],
        *,
        roll_back: bool,
        jit: bool | None = None,
    ) -> None:
        super().__init__(model, roll_back=roll_back, jit=jit)
        found = attached(model)
        assert found is not None and isinstance(found.objective, PlayersObjective)
        self._objective = found.objective
        self._turns = found.turns
        self._random = random
        self._failed = tf.Variable(_NONE_FAILED, trainable=False, dtype="int32")
        """The number of the first player of the step whose values were not finite."""
        self._updates = {one.player.name: traced(self._updating(one)) for one in self._turns}

    def __call__(self, iterator: Any, count: int) -> Taken:
        """Run up to `count` steps; stops early if values are not finite."""
        taken = super().__call__(iterator, count)
        if taken.good:
            return taken
        return replace(taken, failed=self._turns[int(self._failed)].player.loss)

    def _given(self, batch: Any) -> Any:
        """A batch, and the inputs of each update of a step. XLA would draw other random numbers."""
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        count = sum(one.player.updates for one in self._turns)
        return batch, [self._drawn(inputs, number) for number in range(count)]

    def _step(self, given_batch: Any) -> Any:
        batch, drawn = given_batch
        _, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        given = split_targets(targets, output_names(self.model))
        changing = self._changing() if self.rolls_back else []
        before = [tf.identity(variable.value) for variable in changing]
        self._begin()
        good, failing, number = tf.constant(True), tf.constant(0.0), 0
        self._failed.assign(_NONE_FAILED)
        outputs = None
        for index, turn in enumerate(self._turns):
            for _ in range(turn.player.updates):
                update = self._updates[turn.player.name]
                fine, loss, outputs = update(drawn[number], given, good)
                first = tf.logical_and(good, tf.logical_not(fine))
                self._failed.assign(tf.where(first, index, self._failed))
                failing = tf.where(first, loss, failing)
                good, number = tf.logical_and(good, fine), number + 1
        if outputs is not None:
            self.measures.update_metrics(given.own, outputs, weights)
        self._share()
        self._restore(good, changing, before)
        self._averages.advance()
        self._objective.advance()
        return good, failing

    def _begin(self) -> None:
        """Called before the updates of a step."""

    def _share(self) -> None:
        """Called after the updates of a step; several replicas exchange here what they counted."""

    def _updating(self, turn: Turn) -> Any:
        """The function that computes one update of a player and, if it and those before it in the
        step are finite, applies it. Returns whether it is, its loss, and the outputs of the model.
        """

        def update(inputs: Any, given: Targets, good: Any) -> Any:
            forget_dropped(self.model)
            with tf.GradientTape() as tape:
                outputs, values, loss = self._forward(turn, inputs, given)
                scaled = turn.optimizer.scale_loss(loss)
            weights = list(turn.weights)
            gradients = as_taken(tape.gradient(scaled, weights), turn.optimizer)
            fine = finite_for(loss, gradients, turn.optimizer)
            count = batch_size(inputs)
            self._objective.update_means(values, count)
            self._objective.losses[turn.player.name].update_state(loss, sample_weight=count)

            def apply() -> Any:
                if any(one is not None for one in gradients):  # else Keras rejects it
                    self._averages.apply(turn.optimizer, gradients, weights)
                return tf.constant(0)

            tf.cond(tf.logical_and(good, fine), apply, lambda: tf.constant(0))
            return fine, tf.cast(loss, "float32"), outputs

        return update

    def _forward(self, turn: Turn, inputs: Any, given: Targets) -> Any:
        """The outputs of the model if they are measured, the terms of a player, and its loss."""
        with ExitStack() as outside:
            found = turn.taps.run(inputs, training=True, outside=outside)
            values = self._objective.values(
                found, given.by_name, given.weights, training=True, only=turn.player.terms
            )
        loss = self._objective.loss(turn.player, values, turn.taps, training=True)
        return found.outputs, values, loss

    def _drawn(self, inputs: Any, number: int) -> Any:
        """The inputs of an update: those of the batch, with new random ones after the first
        update.
        """
        if not number or not self._random:
            return inputs
        count, position = batch_size(inputs), self._objective.step
        of_batch = inputs if isinstance(inputs, dict) else dict.fromkeys(self._random, inputs)
        made = {
            # The static shape of the batch, so that an update is traced only once.
            name: tf.ensure_shape(one.of_turn(count, position, number), of_batch[name].shape)
            for name, one in self._random.items()
        }
        return {**inputs, **made} if isinstance(inputs, dict) else next(iter(made.values()))

    def _changing(self) -> list[Any]:
        """Everything that a step changes, except seeds."""
        trained = [one for turn in self._turns for one in turn.weights]
        state = [one for turn in self._turns for one in turn.optimizer.variables]
        every = [*trained, *state, *without_seeds(self.model)]
        return list({id(one): one for one in every}.values())

    def _restore(self, good: Any, changing: list[Any], before: list[Any]) -> None:
        def leave() -> Any:
            for variable, value in zip(changing, before, strict=True):
                variable.assign(value)
            return tf.constant(0)

        tf.cond(good, lambda: tf.constant(0), leave)
