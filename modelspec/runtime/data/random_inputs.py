"""Inputs that are drawn at random instead of read from a column.

In training the numbers depend on the seed, the epoch and the step, so a resumed run draws the
same numbers. Elsewhere (validation, `evaluate`, `predict`) they depend on the seed and the row of
the source, not on the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelspec.compiler.pipeline import Compiled

from .spec_facts import section, typed_graph
from .table import Array

if TYPE_CHECKING:
    from .examples import Examples

_TRAINING, _ROWS, _TURNS = 4, 5, 6
"""Keep these random numbers independent of each other, and of those of the split, the order and
`augment`.
"""


class RandomInput(NamedTuple):
    """A random input."""

    kind: str
    """`normal`: mean 0, deviation 1; `uniform`: from 0 up to, but not including, 1."""
    shape: tuple[int, ...]
    """The shape of one example."""
    dtype: str
    seed: int
    number: int
    """Its position among the inputs, so that each input draws different numbers."""

    def of_step(self, count: Any, epoch: Any, step: Any) -> Any:
        """The numbers of a training batch of so many examples: [count, ...]."""
        import tensorflow as tf

        fold = tf.random.experimental.stateless_fold_in
        key = fold(fold(self._key(_TRAINING), tf.cast(epoch, tf.int32)), tf.cast(step, tf.int32))
        return self._drawn(tf.concat([[count], self.shape], 0), key)

    def of_turn(self, count: Any, position: Any, turn: Any) -> Any:
        """The numbers of a batch for an update after the first one of a step, at this position in
        the run: [count, ...]. `turn` counts the updates of the step, from 1.
        """
        import tensorflow as tf

        fold = tf.random.experimental.stateless_fold_in
        key = fold(fold(self._key(_TURNS), tf.cast(position, tf.int32)), tf.cast(turn, tf.int32))
        return self._drawn(tf.concat([[count], self.shape], 0), key)

    def of_rows(self, rows: Any) -> Any:
        """The numbers of rows of a source, drawn per row: [rows, ...]."""
        import tensorflow as tf

        fold = tf.random.experimental.stateless_fold_in
        key = self._key(_ROWS)

        def one(row: Any) -> Any:
            low, high = row % 2**31, row // 2**31
            numbers = fold(fold(key, tf.cast(low, tf.int32)), tf.cast(high, tf.int32))
            return self._drawn(self.shape, numbers)

        found = tf.map_fn(one, tf.cast(rows, tf.int64), fn_output_signature=tf.as_dtype(self.dtype))
        return tf.ensure_shape(found, [None, *self.shape])

    def _key(self, stream: int) -> Any:
        import tensorflow as tf

        return tf.constant([self.seed & 0x7FFFFFFF, stream + 16 * self.number], tf.int32)

    def _drawn(self, shape: Any, key: Any) -> Any:
        import tensorflow as tf

        draw: Callable[..., Any] = (
            tf.random.stateless_normal if self.kind == "normal" else tf.random.stateless_uniform
        )
        # Halves are drawn in float32 and rounded: a draw in bfloat16 may give 1.
        drawn = "float64" if self.dtype == "float64" else "float32"
        numbers = draw(shape, key, dtype=tf.as_dtype(drawn))
        if self.dtype != drawn and self.kind == "uniform":
            numbers = tf.minimum(numbers, _BELOW_ONE[self.dtype])
        return tf.cast(numbers, tf.as_dtype(self.dtype))


_BELOW_ONE = {"float16": 1 - 2**-11, "bfloat16": 1 - 2**-8}
"""The largest number of a half precision below 1."""


def random_inputs(compiled: Compiled) -> Mapping[str, RandomInput]:
    """The random inputs of a spec, by name."""
    features, inputs = section(compiled).inputs or {}, typed_graph(compiled).inputs
    names = [name for name in inputs if name in features]
    return {
        name: RandomInput(
            kind,
            tuple(int(size) for size in inputs[name].shape[1:] if size is not None),
            inputs[name].dtype,
            compiled.file.seed,
            number,
        )
        for number, name in enumerate(names)
        if (kind := features[name].random) is not None
    }


def inputs_of(examples: Examples) -> dict[str, Array]:
    """Every input of the examples of a source, including the random ones."""
    found = dict(examples.inputs)
    if examples.random:
        rows = np.arange(examples.count) if examples.rows is None else examples.rows
        found |= {name: np.asarray(one.of_rows(rows)) for name, one in examples.random.items()}
    return found
