"""Inputs that are drawn at random in place of a column.

In training the numbers follow from the seed, the epoch and the step, so that a run that is resumed
draws what it would have drawn. Elsewhere (validation, `evaluate`, `predict`) they follow from the
seed and the row of the source, whatever batch the row is in.
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

_TRAINING, _ROWS = 4, 5
"""Keep these random numbers apart from each other, and from those of the split, the order and
`augment`.
"""


class RandomInput(NamedTuple):
    """An input that is drawn."""

    kind: str
    """`normal`: mean 0, deviation 1; `uniform`: from 0 to 1, without 1."""
    shape: tuple[int, ...]
    """Of one example."""
    dtype: str
    seed: int
    number: int
    """Its place among the inputs, so that no two draw the same numbers."""

    def of_step(self, count: Any, epoch: Any, step: Any) -> Any:
        """The numbers of a training batch of so many examples: [count, ...]."""
        import tensorflow as tf

        fold = tf.random.experimental.stateless_fold_in
        key = fold(fold(self._key(_TRAINING), tf.cast(epoch, tf.int32)), tf.cast(step, tf.int32))
        return self._drawn(tf.concat([[count], self.shape], 0), key)

    def of_rows(self, rows: Any) -> Any:
        """The numbers of rows of a source, each for itself: [rows, ...]."""
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
        # Drawn in float32 for halves, which are rounded: a draw in bfloat16 may give 1.
        drawn = "float64" if self.dtype == "float64" else "float32"
        numbers = draw(shape, key, dtype=tf.as_dtype(drawn))
        if self.dtype != drawn and self.kind == "uniform":
            numbers = tf.minimum(numbers, _BELOW_ONE[self.dtype])
        return tf.cast(numbers, tf.as_dtype(self.dtype))


_BELOW_ONE = {"float16": 1 - 2**-11, "bfloat16": 1 - 2**-8}
"""The greatest number of a half precision below 1."""


def random_inputs(compiled: Compiled) -> Mapping[str, RandomInput]:
    """The inputs of a spec that are drawn, by name."""
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
    """Every input of the examples of a source, those that are drawn for its rows included."""
    found = dict(examples.inputs)
    if examples.random:
        rows = np.arange(examples.count) if examples.rows is None else examples.rows
        found |= {name: np.asarray(one.of_rows(rows)) for name, one in examples.random.items()}
    return found
