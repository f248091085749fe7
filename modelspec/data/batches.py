"""Batches: every epoch's order is a permutation of its own, and the framework gathers the examples.

`order` is the whole state of the shuffling: where a run stands follows from the seed, the epoch and the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .prepare import Part
from .split import Positions

if TYPE_CHECKING:
    import tensorflow as tf

_STREAM = 2
"""Keeps these random numbers apart from those of the split."""


def order(seed: int, epoch: int, count: int) -> Positions:
    """In which order an epoch (from 0) takes `count` examples: a permutation that follows from seed and epoch alone."""
    sequence = np.random.SeedSequence([seed, _STREAM, epoch])
    return np.random.Generator(np.random.PCG64(sequence)).permutation(count)


def steps(count: int, batch_size: int) -> int:
    """How many batches an epoch has; the last one may be smaller."""
    return -(-count // batch_size)


def training_batches(part: Part, seed: int, batch_size: int, epochs: int, first_epoch: int = 0) -> tf.data.Dataset:
    """Batches of (inputs, targets) of the epochs from `first_epoch` up to `epochs`, one after the other.

    For `fit(..., steps_per_epoch=steps(len(part), batch_size))`: the dataset goes on where an epoch ends.
    """
    import tensorflow as tf

    count = len(part)

    def permuted(epoch: Any) -> Any:
        return part.positions[order(seed, int(epoch), count)]

    def batches_of(epoch: Any) -> tf.data.Dataset:
        positions = tf.ensure_shape(tf.numpy_function(permuted, [epoch], tf.int64), [count])
        return _gathered(part, positions, batch_size)

    found: tf.data.Dataset = tf.data.Dataset.range(first_epoch, epochs).flat_map(batches_of).prefetch(tf.data.AUTOTUNE)
    return found


def plain_batches(part: Part, batch_size: int) -> tf.data.Dataset:
    """Batches of (inputs, targets), in the order of the source: for validation, tests and predictions."""
    import tensorflow as tf

    positions = tf.constant(part.positions)
    found: tf.data.Dataset = _gathered(part, positions, batch_size).prefetch(tf.data.AUTOTUNE)
    return found


def _gathered(part: Part, positions: Any, batch_size: int) -> tf.data.Dataset:
    """The examples at some positions, batch by batch."""
    import tensorflow as tf

    count = len(part)
    inputs, targets = _tensors(part.examples.inputs), _tensors(part.examples.targets)

    def batch(step: Any) -> Any:
        chosen = positions[step * batch_size : tf.minimum((step + 1) * batch_size, count)]
        taken = tf.nest.map_structure(lambda values: tf.gather(values, chosen), (inputs, targets))
        return taken if targets is not None else taken[0]

    return tf.data.Dataset.range(steps(count, batch_size)).map(batch)


def _tensors(arrays: Mapping[str, Any]) -> Any:
    """One array as a tensor, several as a mapping by name: what the built model takes; None where there are none."""
    import tensorflow as tf

    found = {name: tf.constant(values) for name, values in arrays.items()}
    if not found:
        return None
    return next(iter(found.values())) if len(found) == 1 else found
