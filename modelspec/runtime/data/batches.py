"""Batches: every epoch has its own permutation, and the framework gathers the examples.

`Part.in_epoch` is the entire state of the shuffling: the position in a run depends only on the
seed, the epoch and the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..backend.tensorflow_state import refuse_a_fork
from .epoch_order import order
from .example_places import Places, WindowPlaces
from .examples import Examples, Part
from .held_arrays import gather, held
from .shares import Share, in_share, with_examples
from .split import Positions
from .target_names import EXAMPLE_WEIGHTS, TARGET_PREFIX

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["Feed", "order", "steps"]


def steps(count: int, batch_size: int) -> int:
    """The number of batches of an epoch; the last one may be smaller."""
    return -(-count // batch_size)


class Feed:
    """The examples of a source as tensors, or as files on disk, from which batches of its parts are
    gathered.
    """

    def __init__(self, examples: Examples) -> None:
        refuse_a_fork()
        import tensorflow as tf

        with tf.device("CPU:0"):
            self._inputs = {name: held(values) for name, values in examples.inputs.items()}
            targets = {name: held(values) for name, values in examples.targets.items()}
            self._alone = {name: targets.pop(name) for name in examples.alone}
            self._targets = targets
            self._weights = _weights(examples, training=False)
            self._training_weights = _weights(examples, training=True)
            own = examples.weights
            self._own_weights = None if own is None else tf.constant(np.asarray(own, np.float32))
            self._windows = None if examples.windows is None else WindowPlaces(examples.windows)
        self._examples = examples
        self._outputs = examples.outputs
        self._of_terms = examples.objective
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
        share: Share | None = None,
    ) -> tf.data.Dataset:
        """Batches of (inputs, targets), or (inputs, targets, weights) where examples or classes
        have weights, of the epochs from `first_epoch` up to `epochs`, one after the other, for
        `fit(..., steps_per_epoch=steps(count, batch_size))`.

        The first of these epochs begins at its batch `first_step`: earlier ones are not gathered.
        With a `share`, each batch is that of a process, in a pair with the number of examples of
        the global batch.
        """
        import tensorflow as tf

        part = Part(self._examples, positions)
        count = part.epoch_size
        # Examples that are mixed with each other are those of the global batch.
        own = None if share is None or share.is_whole or self._mixes else share
        vary = self._variations(seed if own is None else own.seed(seed))

        def permuted(epoch: Any) -> Any:
            return part.in_epoch(seed, int(epoch))

        def batches_of(epoch: Any) -> tf.data.Dataset:
            kind = tf.as_dtype(part.type_in_epoch)
            shuffled = tf.ensure_shape(tf.numpy_function(permuted, [epoch], kind), [count])
            first = tf.where(
                tf.equal(epoch, first_epoch), tf.cast(first_step, tf.int64), tf.zeros((), tf.int64)
            )
            found = self._gathered(
                shuffled, count, batch_size, self._training_weights, first, epoch, own
            )
            found = self._varied(found, vary, epoch, first) if vary else found
            if share is None:
                return found
            return with_examples(found, share, count, batch_size, first, divided=own is not None)

        one_epoch = batches_of if vary else _as_written(batches_of)  # layers may have branches
        epoch_by_epoch = tf.data.Dataset.range(first_epoch, epochs).flat_map(one_epoch)
        found: tf.data.Dataset = epoch_by_epoch.prefetch(tf.data.AUTOTUNE)
        return found

    def plain(
        self,
        positions: Positions | range,
        batch_size: int,
        *,
        terms: bool = False,
        share: Share | None = None,
    ) -> tf.data.Dataset:
        """Batches of (inputs, targets), with weights where the data has a column of weights, or of
        inputs where there are no targets, in the order of the positions. `terms`: with what only
        the terms of an objective read. With a `share` as in `training`.
        """
        import tensorflow as tf

        chosen = positions if isinstance(positions, range) else tf.constant(positions)
        count = len(positions)
        gathered = self._plain_with_terms if terms and self._of_terms else self._plain

        def batch(step: Any) -> Any:
            return gathered(in_share(_of_step(chosen, step, batch_size, count), share))

        found: tf.data.Dataset = tf.data.Dataset.range(steps(count, batch_size))
        found = found.map(_as_written(batch))
        if share is not None:
            found = with_examples(found, share, count, batch_size, 0, divided=True)
        return found.prefetch(tf.data.AUTOTUNE)

    @cached_property
    def _plain(self) -> Any:
        """The function that gathers the examples at some positions. It is traced only once,
        however many parts and slices of the source are measured.
        """
        return self._gathering(terms=False)

    @cached_property
    def _plain_with_terms(self) -> Any:
        return self._gathering(terms=True)

    def _gathering(self, *, terms: bool) -> Any:
        import tensorflow as tf

        def gathered(chosen: Any) -> Any:
            return self._batch(chosen, self._weights, terms=terms)

        signature = [tf.TensorSpec([None], tf.int64)]
        return tf.function(_as_written(gathered), input_signature=signature)

    @property
    def _mixes(self) -> bool:
        """Whether the augmentation mixes the examples of a batch with each other."""
        chains = (one.chain for one in self._augment.values())
        return any(layer.mixes_examples for chain in chains for layer in chain.layers)

    def _variations(self, seed: int) -> dict[str, Any]:
        """The augmentation of each input in training."""
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
        """Batches with varied tensors; the random numbers depend on the place in the run."""
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
                for name in (part if isinstance(part, dict) else names)
            }
            for augmentation in vary.values():
                found = augmentation(found, epoch, number + first)
            varied = tuple(
                {name: found[kind, name] for name in part}
                if isinstance(part, dict)
                else found[kind, names[0]]
                for (kind, names), part in zip(kinds, parts, strict=False)
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
        share: Share | None = None,
    ) -> tf.data.Dataset:
        import tensorflow as tf

        def batch(step: Any) -> Any:
            chosen = tf.cast(_of_step(positions, step, batch_size, count), tf.int64)
            return self._batch(chosen, weights, epoch, step, terms=self._of_terms, share=share)

        return tf.data.Dataset.range(first_step, steps(count, batch_size)).map(_as_written(batch))

    def _batch(
        self,
        chosen: Any,
        weights: Mapping[str, Any],
        epoch: Any = None,
        step: Any = None,
        *,
        terms: bool = False,
        share: Share | None = None,
    ) -> Any:
        """The examples at some positions, in the form that the model takes; in training, at a place
        of the run. With a `share`, only those of a process.
        """
        import tensorflow as tf

        drawn = self._drawn(chosen, epoch, step)
        chosen = in_share(chosen, share)
        at = Places(chosen, chosen, chosen) if self._windows is None else self._windows(chosen)
        inputs = {name: gather(values, at.inputs) for name, values in self._inputs.items()}
        inputs |= {name: in_share(values, share) for name, values in drawn.items()}
        more = self._more(at) if terms else {}
        if not self._targets:
            return (_one_or_mapping(inputs), more) if more else _one_or_mapping(inputs)
        # Keras requires a target for every output, even for one without a loss and metrics.
        targets = {
            name: (
                gather(self._targets[name], at.targets)
                if name in self._targets
                else tf.zeros_like(chosen)
            )
            for name in self._outputs
        }
        compared = targets | more if more else _one_or_mapping(targets)
        if not weights:
            return _one_or_mapping(inputs), compared
        counted = {name: one.of(at) for name, one in weights.items()}
        return _one_or_mapping(inputs), compared, _one_or_mapping(counted)

    def _more(self, at: Places) -> dict[str, Any]:
        """What only the terms of an objective read: targets, and the weights of the examples."""
        import tensorflow as tf

        found = {
            f"{TARGET_PREFIX}{name}": gather(values, at.targets)
            for name, values in self._alone.items()
        }
        if self._own_weights is not None:
            found[EXAMPLE_WEIGHTS] = tf.gather(self._own_weights, at.last)
        return found

    def _drawn(self, chosen: Any, epoch: Any, step: Any) -> dict[str, Any]:
        """The random inputs: by the place in the run in training, otherwise by row."""
        import tensorflow as tf

        if not self._random:
            return {}
        if epoch is not None:
            count = tf.size(chosen)
            return {name: one.of_step(count, epoch, step) for name, one in self._random.items()}
        rows = chosen if self._rows is None else tf.gather(tf.constant(self._rows), chosen)
        return {name: one.of_rows(rows) for name, one in self._random.items()}


class _Weights(NamedTuple):
    """The weights of the examples for one output, as tensors; None: each weight is 1."""

    examples: Any
    """By row, for the example that ends with it."""
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
    """The weights of the examples, by output: their own weight, and in training that of their
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


def _of_step(positions: Any, step: Any, batch_size: int, count: int) -> Any:
    """The positions of the examples of a step; the last one may have fewer. A range, of all rows
    of a large source, takes no memory.
    """
    import tensorflow as tf

    first, end = step * batch_size, tf.minimum((step + 1) * batch_size, count)
    if isinstance(positions, range):
        return tf.range(positions.start + first, positions.start + end)
    return positions[first:end]


def _as_written(function: Any) -> Any:
    """A function of tensors that TensorFlow traces unchanged: it has no branches or loops on values
    that AutoGraph would rewrite, and searching for them takes a third of a second.
    """
    import tensorflow as tf

    return tf.autograph.experimental.do_not_convert(function)


def _one_or_mapping(tensors: dict[str, Any]) -> Any:
    """In the form that the model takes: one tensor, or several by name."""
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors
