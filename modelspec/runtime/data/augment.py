"""Augmentation: training examples varied at random, by numbers that follow from seed, epoch and
step alone.

A run that continues in the middle of an epoch thus sees what it would have seen, and nothing has to
be saved for it.
"""

from __future__ import annotations

from typing import Any

import keras

from modelspec.compiler.spec.data_section import Chain

from ..backend.convert import to_keras

_STREAM = 3
"""Keeps these random numbers apart from those of the split and the order."""


class _Seeds(keras.random.SeedGenerator):
    """Gives the random functions of a layer a new seed at every draw, each following from the
    batch's key.
    """

    def __init__(self) -> None:
        self.name = "position"  # no variable: the state is the position in the run
        self.key: Any = None
        self.draws = 0

    def begin(self, key: Any) -> None:
        """The next batch."""
        self.key, self.draws = key, 0

    def next(self, ordered: bool = True) -> Any:
        import tensorflow as tf

        self.draws += 1
        return tf.random.experimental.stateless_fold_in(self.key, self.draws)


class Augmentation:
    """The layers that vary one input."""

    def __init__(self, chain: Chain, seed: int, number: int) -> None:
        self._seed = seed
        self._number = number
        self._layers = [to_keras(layer) for layer in chain.layers]
        self._seeds = [_with_seeds(layer) for layer in self._layers]

    def __call__(self, x: Any, epoch: Any, step: Any) -> Any:
        """A batch, varied. All that is random follows from the position."""
        import tensorflow as tf

        fold = tf.random.experimental.stateless_fold_in
        key = tf.constant([self._seed & 0x7FFFFFFF, _STREAM + 16 * self._number], tf.int32)
        key = fold(fold(key, tf.cast(epoch, tf.int32)), tf.cast(step, tf.int32))
        dtype = x.dtype
        for index, (layer, seeds) in enumerate(zip(self._layers, self._seeds, strict=True)):
            for number, one in enumerate(seeds):
                one.begin(fold(fold(key, index), number))
            x = layer(x, training=True)
        return tf.cast(x, dtype)


def _with_seeds(layer: Any) -> list[_Seeds]:
    """Puts our generators in place of a layer's own, and of those of the layers in it."""
    found: list[_Seeds] = []
    for one in layer._flatten_layers():
        for name, value in list(vars(one).items()):
            if isinstance(value, keras.random.SeedGenerator):
                seeds = _Seeds()
                vars(one)[name] = (
                    seeds  # not by assignment: Keras would track a state that there is not
                )
                found.append(seeds)
    return found
