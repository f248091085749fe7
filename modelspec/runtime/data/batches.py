"""Batches: every epoch's order is a permutation of its own, and the framework gathers the examples.

`order` is the whole state of the shuffling: where a run stands follows from the seed, the epoch and
the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .example_places import Places, WindowPlaces
from .examples import Examples
from .held_arrays import gather, held
from .split import Positions

if TYPE_CHECKING:
    import tensorflow as tf

_STREAM = 2
"""Keeps these random numbers apart from those of the split."""


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
            self._inputs = {name: held(values) for name, values in examples.inputs.items()}
            self._targets = {name: held(values) for name, values in examples.targets.items()}
            self._weights = _weights(examples, training=False)
            self._training_weights = _weights(examples, training=True)
            self._windows = None if examples.windows is None else WindowPlaces(examples.windows)
        self._outputs = examples.outputs
        self._augment = examples.augment
        self._random = examples.random
        self._rows = examples.rows

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
            found = self._gathered(
                shuffled, count, batch_size, self._training_weights, first, epoch
            )
            return self._varied(found, vary, epoch, first) if vary else found

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
            name: Augmentation(variation, seed, names.index(name))
            for name, variation in self._augment.items()
        }

    def _varied(
        self, batches: tf.data.Dataset, vary: Mapping[str, Any], epoch: Any, first: Any
    ) -> tf.data.Dataset:
        """Batches whose tensors are varied, each by numbers of its own place in the run."""
        import tensorflow as tf

        kinds = (
            ("inputs", (*self._inputs, *self._random)),
            ("targets", self._outputs),
            ("weights", tuple(self._training_weights)),
        )

        def one(number: Any, batch: Any) -> Any:
            parts = batch if isinstance(batch, tuple) else (batch,)
            found = {
                (kind, name): part[name] if isinstance(part, dict) else part
                for (kind, names), part in zip(kinds, parts, strict=False)
                for name in names
            }
            for augmentation in vary.values():
                found = augmentation(found, epoch, number + first)
            varied = tuple(
                _one_or_mapping({name: found[kind, name] for name in names})
                for (kind, names), _ in zip(kinds, parts, strict=False)
            )
            return varied if isinstance(batch, tuple) else varied[0]

        return batches.enumerate().map(one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _gathered(
        self,
        positions: Any,
        count: int,
        batch_size: int,
        weights: Mapping[str, Any],
        first_step: Any = 0,
        epoch: Any = None,
    ) -> tf.data.Dataset:
        import tensorflow as tf

        def batch(step: Any) -> Any:
            chosen = positions[step * batch_size : tf.minimum((step + 1) * batch_size, count)]
            at = Places(chosen, chosen, chosen) if self._windows is None else self._windows(chosen)
            inputs = {name: gather(values, at.inputs) for name, values in self._inputs.items()}
            inputs |= self._drawn(chosen, epoch, step)
            if not self._targets:
                return _one_or_mapping(inputs)
            # Keras wants something for every output, also for one that no loss and no metric looks
            # at.
            targets = {
                name: (
                    gather(self._targets[name], at.targets)
                    if name in self._targets
                    else tf.zeros_like(chosen)
                )
                for name in self._outputs
            }
            if not weights:
                return _one_or_mapping(inputs), _one_or_mapping(targets)
            counted = {name: one.of(at) for name, one in weights.items()}
            return _one_or_mapping(inputs), _one_or_mapping(targets), _one_or_mapping(counted)

        return tf.data.Dataset.range(first_step, steps(count, batch_size)).map(_as_written(batch))

    def _drawn(self, chosen: Any, epoch: Any, step: Any) -> dict[str, Any]:
        """The inputs that are drawn: in training of the place in the run, else of each row."""
        import tensorflow as tf

        if not self._random:
            return {}
        if epoch is not None:
            count = tf.size(chosen)
            return {name: one.of_step(count, epoch, step) for name, one in self._random.items()}
        rows = chosen if self._rows is None else tf.gather(tf.constant(self._rows), chosen)
        return {name: one.of_rows(rows) for name, one in self._random.items()}


class _Weights(NamedTuple):
    """How much the examples count for one output, as tensors; None: each counts 1."""

    examples: Any
    """By row, for the example whose last row it is."""
    targets: Any = None
    """By row, for each target."""

    def of(self, at: Places) -> Any:
        """The weights of a batch: [examples], or those of the rows of their targets."""
        import tensorflow as tf

        if self.targets is None:
            return tf.gather(self.examples, at.last)
        found = tf.gather(self.targets, at.targets)
        if self.examples is None:
            return found
        own = tf.gather(self.examples, at.last)
        return found * tf.reshape(own, [-1, *(1,) * (len(found.shape) - 1)])


def _weights(examples: Examples, *, training: bool) -> dict[str, _Weights]:
    """How much each example counts, by output: for its own weight, and in training for its
    class.
    """
    import tensorflow as tf

    classes = examples.class_weights if training else {}
    if examples.weights is None and not classes:
        return {}
    windows = examples.windows
    size = examples.count if windows is None else len(windows.series.rows)
    whole = (
        np.asarray(examples.weights) if examples.weights is not None else np.ones(size, np.float32)
    )
    found: dict[str, _Weights] = {}
    for name in examples.outputs:
        weights = whole
        if name in classes and windows is not None:
            own = None if examples.weights is None else tf.constant(whole, tf.float32)
            found[name] = _Weights(own, tf.constant(classes[name], tf.float32))
            continue
        if name in classes:
            weights = classes[name] * whole.reshape(-1, *(1,) * (classes[name].ndim - 1))
        found[name] = _Weights(tf.constant(weights, tf.float32))
    return found


def _as_written(function: Any) -> Any:
    """A function of tensors that TensorFlow traces as it stands: there is no branch and no loop on
    values to be rewritten, and looking for some takes a third of a second.
    """
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


def _one_or_mapping(tensors: dict[str, Any]) -> Any:
    """As the model takes them: one tensor, or several by name."""
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors
