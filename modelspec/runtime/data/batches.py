"""Batches: every epoch's order is a permutation of its own, and the framework gathers the examples.

`order` is the whole state of the shuffling: where a run stands follows from the seed, the epoch and
the step.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .examples import Examples
from .split import Positions
from .table import Array

if TYPE_CHECKING:
    import tensorflow as tf

_STREAM = 2
"""Keeps these random numbers apart from those of the split."""
_SMALL = 32 * 2**20
"""Bytes up to which an array on disk is read as a whole all the same."""


def order(seed: int, epoch: int, count: int) -> Positions:
    """In which order an epoch (from 0) takes `count` examples: a permutation that follows from seed
    and epoch alone.
    """
    sequence = np.random.SeedSequence([seed, _STREAM, epoch])
    return np.random.Generator(np.random.PCG64(sequence)).permutation(count)


def steps(count: int, batch_size: int) -> int:
    """How many batches an epoch has; the last one may be smaller."""
    return -(-count // batch_size)


class Feed:
    """The examples of a source as tensors, or as maps of files, from which batches of its parts are
    gathered.
    """

    def __init__(self, examples: Examples) -> None:
        import tensorflow as tf

        with tf.device("CPU:0"):
            self._inputs = {name: _held(values) for name, values in examples.inputs.items()}
            self._targets = {name: _held(values) for name, values in examples.targets.items()}
            self._weights = _weights(examples, training=False)
            self._training_weights = _weights(examples, training=True)
        self._outputs = examples.outputs
        self._augment = examples.augment

    def training(
        self,
        positions: Positions,
        seed: int,
        batch_size: int,
        epochs: int,
        first_epoch: int = 0,
        first_step: int = 0,
    ) -> tf.data.Dataset:
        """Batches of (inputs, targets), or (inputs, targets, weights) where examples or classes
        have any, of the epochs from `first_epoch` up to `epochs`, one after the other.

        The first of these epochs begins at its batch `first_step`, at no cost: nothing before it is
        gathered. For `fit(..., steps_per_epoch=steps(count, batch_size))`: the dataset goes on
        where an epoch ends.
        """
        import tensorflow as tf

        count = len(positions)
        vary = self._variations(seed)

        def permuted(epoch: Any) -> Any:
            return positions[order(seed, int(epoch), count)]

        def batches_of(epoch: Any) -> tf.data.Dataset:
            shuffled = tf.ensure_shape(tf.numpy_function(permuted, [epoch], tf.int64), [count])
            first = tf.where(
                tf.equal(epoch, first_epoch), tf.cast(first_step, tf.int64), tf.zeros((), tf.int64)
            )
            found = self._gathered(shuffled, count, batch_size, self._training_weights, first)
            return _varied(found, vary, epoch, first) if vary else found

        one_epoch = batches_of if vary else _as_written(batches_of)  # layers may have branches
        epoch_by_epoch = tf.data.Dataset.range(first_epoch, epochs).flat_map(one_epoch)
        found: tf.data.Dataset = epoch_by_epoch.prefetch(tf.data.AUTOTUNE)
        return found

    def plain(self, positions: Positions, batch_size: int) -> tf.data.Dataset:
        """Batches of (inputs, targets), with weights where the data have a column of them, or of
        inputs where there are no targets, in the order of the positions.
        """
        import tensorflow as tf

        found: tf.data.Dataset = self._gathered(
            tf.constant(positions), len(positions), batch_size, self._weights
        )
        return found.prefetch(tf.data.AUTOTUNE)

    def _variations(self, seed: int) -> dict[str, Any]:
        """What varies each input in training."""
        if not self._augment:
            return {}
        from .augment import Augmentation

        names = list(self._inputs)
        return {
            name: Augmentation(chain, seed, names.index(name))
            for name, chain in self._augment.items()
        }

    def _gathered(
        self,
        positions: Any,
        count: int,
        batch_size: int,
        weights: Mapping[str, Any],
        first_step: Any = 0,
    ) -> tf.data.Dataset:
        import tensorflow as tf

        def batch(step: Any) -> Any:
            chosen = positions[step * batch_size : tf.minimum((step + 1) * batch_size, count)]
            inputs = {name: _gather(values, chosen) for name, values in self._inputs.items()}
            if not self._targets:
                return _one_or_mapping(inputs)
            # Keras wants something for every output, also for one that no loss and no metric looks
            # at.
            targets = {
                name: (
                    _gather(self._targets[name], chosen)
                    if name in self._targets
                    else tf.zeros_like(chosen)
                )
                for name in self._outputs
            }
            if not weights:
                return _one_or_mapping(inputs), _one_or_mapping(targets)
            counted = {name: tf.gather(values, chosen) for name, values in weights.items()}
            return _one_or_mapping(inputs), _one_or_mapping(targets), _one_or_mapping(counted)

        return tf.data.Dataset.range(first_step, steps(count, batch_size)).map(_as_written(batch))


def _varied(
    batches: tf.data.Dataset, vary: Mapping[str, Any], epoch: Any, first: Any
) -> tf.data.Dataset:
    """Batches whose inputs are varied, each by numbers of its own place in the run."""
    import tensorflow as tf

    def one(number: Any, batch: Any) -> Any:
        inputs, *rest = batch
        step = number + first
        if isinstance(inputs, dict):
            return {
                name: vary[name](x, epoch, step) if name in vary else x
                for name, x in inputs.items()
            }, *rest
        return next(iter(vary.values()))(inputs, epoch, step), *rest

    return batches.enumerate().map(one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _weights(examples: Examples, *, training: bool) -> dict[str, Any]:
    """How much each example counts, by output: for its own weight, and in training for its
    class.
    """
    import tensorflow as tf

    classes = examples.class_weights if training else {}
    if examples.weights is None and not classes:
        return {}
    whole = (
        np.asarray(examples.weights)
        if examples.weights is not None
        else np.ones(examples.count, np.float32)
    )
    found: dict[str, Any] = {}
    for name in examples.outputs:
        weights = whole
        if name in classes:
            weights = classes[name] * whole.reshape(-1, *(1,) * (classes[name].ndim - 1))
        found[name] = tf.constant(weights, tf.float32)
    return found


class _OnDisk:
    """An array that stays on disk, of which rows are read: a memory map would bring its whole file
    into memory.
    """

    def __init__(self, values: np.memmap[Any, Any]) -> None:
        self.values = values
        self._file = getattr(values, "held", None) or Path(str(values.filename)).open("rb")  # noqa: SIM115
        self._bytes = int(np.prod(values.shape[1:])) * values.itemsize

    def gather(self, chosen: Any) -> Any:
        """Some examples as a tensor."""
        import tensorflow as tf

        found = tf.numpy_function(self._read, [chosen], tf.as_dtype(self.values.dtype))
        return tf.ensure_shape(found, [None, *self.values.shape[1:]])

    def _read(self, chosen: Any) -> Any:
        found = np.empty((len(chosen), *self.values.shape[1:]), self.values.dtype)
        content = found.data.cast("B") if found.size else memoryview(b"")
        descriptor, size = self._file.fileno(), self._bytes
        for place in np.argsort(chosen) if size else ():
            at = int(self.values.offset) + int(chosen[place]) * size
            if os.preadv(descriptor, [content[place * size : (place + 1) * size]], at) != size:
                raise OSError(f"{self.values.filename} was cut short")
        return found


def _held(values: Array) -> Any:
    """An array as a tensor, or as the file that it is where that is large."""
    import tensorflow as tf

    if isinstance(values, np.memmap) and values.nbytes > _SMALL:
        return _OnDisk(values)
    return tf.constant(np.asarray(values))


def _gather(values: Any, chosen: Any) -> Any:
    import tensorflow as tf

    return values.gather(chosen) if isinstance(values, _OnDisk) else tf.gather(values, chosen)


def _as_written(function: Any) -> Any:
    """A function of tensors that TensorFlow traces as it stands: there is no branch and no loop on
    values to be rewritten, and looking for some takes a third of a second.
    """
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


def _one_or_mapping(tensors: dict[str, Any]) -> Any:
    """As the model takes them: one tensor, or several by name."""
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors
