"""Augmentation: training examples varied at random, by numbers that depend only on seed, epoch and
step.

A run resumed in the middle of an epoch therefore sees the same batches, and no state has to be
saved. Tensors that vary together get the same random numbers: the layers of a mask are copies of
the layers of its image that do not interpolate, and begin every batch with the same seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.spec.augment_section import format_of

from ..backend.convert import to_keras
from .varied import Member, Variation

_STREAM = 3
"""Separates these random numbers from those of the split and the order."""
Tensors = Mapping[tuple[str, str], Any]
"""By kind (`inputs`, `targets`, `weights`) and name."""


class _Seeds(keras.random.SeedGenerator):
    """Gives the random functions of a layer a new seed at every draw, derived from the key of the
    batch.
    """

    def __init__(self) -> None:
        self.name = "position"  # not a variable: the state is the position in the run
        self.key: Any = None
        self.draws = 0

    def begin(self, key: Any) -> None:
        """Starts the next batch."""
        self.key, self.draws = key, 0

    def next(self, ordered: bool = True) -> Any:
        import tensorflow as tf

        self.draws += 1
        return tf.random.experimental.stateless_fold_in(self.key, self.draws)


class _Step(NamedTuple):
    """A layer with its seed generators."""

    number: int
    """Its place in the chain; its draws depend on it."""
    layer: Any
    seeds: list[_Seeds]
    alone: bool
    """Whether it is called with one example at a time."""

    def __call__(self, x: Any, key: Any) -> Any:
        import tensorflow as tf

        key = tf.random.experimental.stateless_fold_in(key, self.number)
        if not self.alone:
            return self._varied(x, key)

        def one(given: tuple[Any, Any]) -> Any:
            example, place = given
            drawn = tf.random.experimental.stateless_fold_in(key, place)
            return self._varied(example[None], drawn)[0]

        dtype = tf.as_dtype(self.layer.compute_dtype)
        return tf.map_fn(one, (x, tf.range(tf.shape(x)[0])), fn_output_signature=dtype)

    def _varied(self, x: Any, key: Any) -> Any:
        import tensorflow as tf

        for number, one in enumerate(self.seeds):
            one.begin(tf.random.experimental.stateless_fold_in(key, number))
        return self.layer(x, training=True)


class Augmentation:
    """Applies the layers that vary an input, and the tensors that vary with it."""

    def __init__(self, variation: Variation, seed: int, number: int) -> None:
        self._seed = seed
        self._number = number
        self._channels_first = format_of(variation.chain) == "channels_first"
        self._members = {
            member: _steps(variation.chain.layers, member) for member in variation.members
        }

    def __call__(self, batch: Tensors, epoch: Any, step: Any) -> dict[tuple[str, str], Any]:
        """The varied batch. All random numbers depend only on the position in the run."""
        import tensorflow as tf

        fold = tf.random.experimental.stateless_fold_in
        key = tf.constant([self._seed & 0x7FFFFFFF, _STREAM + 16 * self._number], tf.int32)
        key = fold(fold(key, tf.cast(epoch, tf.int32)), tf.cast(step, tf.int32))
        found = dict(batch)
        for member, steps in self._members.items():
            if (member.kind, member.name) in found:
                x = found[member.kind, member.name]
                found[member.kind, member.name] = self._varied(x, member, steps, key)
        return found

    def _varied(self, x: Any, member: Member, steps: list[_Step], key: Any) -> Any:
        import tensorflow as tf

        if not steps:
            return x
        dtype = x.dtype
        if member.how == "image":
            for one in steps:
                x = one(x, key)
            return tf.cast(x, dtype)
        flat = x.shape.rank == 3
        axis = 1 if self._channels_first else -1
        x = tf.cast(tf.expand_dims(x, axis) if flat else x, tf.float32)
        for one in steps:
            x = one(x, key)
        return tf.cast(tf.squeeze(x, axis) if flat else x, dtype)


def _steps(layers: tuple[Layer, ...], member: Member) -> list[_Step]:
    """The layers that vary a tensor, each with the index that its draws depend on."""
    found: list[_Step] = []
    for index, layer in enumerate(layers):
        settings = _settings(layer, member)
        if settings is not None:
            made = to_keras(settings)
            found.append(_Step(index, made, _with_seeds(made), layer.one_in_batch))
    return found


def _settings(layer: Layer, member: Member) -> Any:
    """The layer as it varies a tensor; None where it does not change it."""
    if member.how == "image":
        return layer
    if not layer.moves_values:
        return None
    return layer.for_class_numbers(member.border) if member.how == "classes" else layer


def _with_seeds(layer: Any) -> list[_Seeds]:
    """Replaces the seed generators of a layer and its sublayers by ours."""
    found: list[_Seeds] = []
    for one in layer._flatten_layers():
        for name, value in list(vars(one).items()):
            if isinstance(value, keras.random.SeedGenerator):
                seeds = _Seeds()
                vars(one)[name] = (
                    seeds  # not by assignment: Keras would track a state that does not exist
                )
                found.append(seeds)
    return found
