"""Batches: every epoch's order is a permutation of its own, and the framework gathers the examples.

`order` is the whole state of the shuffling: where a run stands follows from the seed, the epoch and the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .prepare import Examples
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


class Feed:
    """The examples of a source as tensors, from which batches of its parts are gathered."""

    def __init__(self, examples: Examples) -> None:
        import tensorflow as tf

        with tf.device("CPU:0"):
            self._inputs = {name: tf.constant(values) for name, values in examples.inputs.items()}
            self._targets = {name: tf.constant(values) for name, values in examples.targets.items()}
        self._outputs = examples.outputs

    def training(
        self, positions: Positions, seed: int, batch_size: int, epochs: int, first_epoch: int = 0
    ) -> tf.data.Dataset:
        """Batches of (inputs, targets) of the epochs from `first_epoch` up to `epochs`, one after the other.

        For `fit(..., steps_per_epoch=steps(count, batch_size))`: the dataset goes on where an epoch ends.
        """
        import tensorflow as tf

        count = len(positions)

        def permuted(epoch: Any) -> Any:
            return positions[order(seed, int(epoch), count)]

        def batches_of(epoch: Any) -> tf.data.Dataset:
            shuffled = tf.ensure_shape(tf.numpy_function(permuted, [epoch], tf.int64), [count])
            return self._gathered(shuffled, count, batch_size)

        epoch_by_epoch = tf.data.Dataset.range(first_epoch, epochs).flat_map(batches_of)
        found: tf.data.Dataset = epoch_by_epoch.prefetch(tf.data.AUTOTUNE)
        return found

    def plain(self, positions: Positions, batch_size: int) -> tf.data.Dataset:
        """Batches of (inputs, targets), or of inputs where there are no targets, in the order of the positions."""
        import tensorflow as tf

        found: tf.data.Dataset = self._gathered(tf.constant(positions), len(positions), batch_size)
        return found.prefetch(tf.data.AUTOTUNE)

    def _gathered(self, positions: Any, count: int, batch_size: int) -> tf.data.Dataset:
        import tensorflow as tf

        def batch(step: Any) -> Any:
            chosen = positions[step * batch_size : tf.minimum((step + 1) * batch_size, count)]
            inputs = {name: tf.gather(values, chosen) for name, values in self._inputs.items()}
            if not self._targets:
                return _one_or_mapping(inputs)
            # Keras wants something for every output, also for one that no loss and no metric looks at.
            targets = {
                name: tf.gather(self._targets[name], chosen) if name in self._targets else tf.zeros_like(chosen)
                for name in self._outputs
            }
            return _one_or_mapping(inputs), _one_or_mapping(targets)

        return tf.data.Dataset.range(steps(count, batch_size)).map(batch)


def _one_or_mapping(tensors: dict[str, Any]) -> Any:
    """As the model takes them: one tensor, or several by name."""
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors
