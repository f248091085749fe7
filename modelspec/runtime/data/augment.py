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
from .mixed_examples import mixed
from .moved_coordinates import Sizes, image_size, moved
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
        self.draws += 1
        return fold_in(self.key, self.draws)


class _Step(NamedTuple):
    """A layer with its seed generators."""

    number: int
    """Its place in the chain; its draws depend on it."""
    layer: Any
    seeds: list[_Seeds]
    settings: Layer

    def drawn(self, image: Any, key: Any) -> Any:
        """The random numbers of the layer for a batch of images."""
        self._begin(fold_in(key, self.number))
        return self.layer.get_random_transformation(image, training=True)

    def __call__(self, x: Any, key: Any) -> Any:
        """The images as the layer changes them."""
        import tensorflow as tf

        key = fold_in(key, self.number)
        if not self.settings.one_in_batch:
            return self._varied(x, key)

        def one(given: tuple[Any, Any]) -> Any:
            example, place = given
            return self._varied(example[None], fold_in(key, place))[0]

        dtype = tf.as_dtype(self.layer.compute_dtype)
        return tf.map_fn(one, (x, tf.range(tf.shape(x)[0])), fn_output_signature=dtype)

    def _varied(self, x: Any, key: Any) -> Any:
        self._begin(key)
        return self.layer(x, training=True)

    def _begin(self, key: Any) -> None:
        for number, one in enumerate(self.seeds):
            one.begin(fold_in(key, number))


class _Seen(NamedTuple):
    """The images that determine the random numbers, around a layer."""

    before: Any
    after: Any


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

        key = tf.constant([self._seed & 0x7FFFFFFF, _STREAM + 16 * self._number], tf.int32)
        key = fold_in(fold_in(key, tf.cast(epoch, tf.int32)), tf.cast(step, tf.int32))
        found = dict(batch)
        seen: dict[int, _Seen] = {}
        for member, steps in self._members.items():
            if (member.kind, member.name) in found and steps:
                x = found[member.kind, member.name]
                found[member.kind, member.name] = self._changed(x, member, steps, key, seen)
        return found

    def _changed(
        self, x: Any, member: Member, steps: list[_Step], key: Any, seen: dict[int, _Seen]
    ) -> Any:
        """A tensor after all of its steps. The first one of a batch notes its images in `seen`."""
        import tensorflow as tf

        dtype, leads = x.dtype, not seen
        flat = member.how in ("numbers", "classes") and x.shape.rank == 3
        axis = 1 if self._channels_first else -1
        if member.how in ("numbers", "classes"):
            x = tf.cast(tf.expand_dims(x, axis) if flat else x, tf.float32)
        for one in steps:
            before = x
            if member.coordinates is not None:
                x = self._moved(x, one, key, member.coordinates, seen[one.number])
            elif one.settings.mixes_examples:
                image = before if leads else seen[one.number].before
                x = self._mixed(x, one, key, member, image)
            else:
                x = one(x, key)
            if leads:
                seen[one.number] = _Seen(before, x)
        return tf.cast(tf.squeeze(x, axis) if flat else x, dtype)

    def _mixed(self, x: Any, one: _Step, key: Any, member: Member, image: Any) -> Any:
        assert one.settings.mixes_by is not None
        return mixed(
            x,
            one.drawn(image, key),
            one.settings.mixes_by,
            has_pixels=member.how != "values",
            channels_first=self._channels_first,
        )

    def _moved(self, x: Any, one: _Step, key: Any, form: str, seen: _Seen) -> Any:
        sizes = tuple(image_size(image, self._channels_first) for image in seen)
        return moved(x, form, one.layer, one.drawn(seen.before, key), Sizes(*sizes))


def fold_in(key: Any, data: Any) -> Any:
    """A key that depends on another key and a number."""
    import tensorflow as tf

    return tf.random.experimental.stateless_fold_in(key, data)


def _steps(layers: tuple[Layer, ...], member: Member) -> list[_Step]:
    """The layers that vary a tensor, each with the index that its draws depend on."""
    found: list[_Step] = []
    for index, layer in enumerate(layers):
        settings = _settings(layer, member)
        if settings is not None:
            made = to_keras(settings)
            found.append(_Step(index, made, _with_seeds(made), settings))
    return found


def _settings(layer: Layer, member: Member) -> Any:
    """The layer as it varies a tensor; None where it does not change it."""
    if member.how == "image":
        return layer
    if layer.mixes_examples:
        return None if member.how == "coordinates" else layer
    if not layer.moves_values or member.how == "values":
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
