"""The gradients of all replicas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from .replicas import Replica


def summed_gradients(
    replica: Replica, gradients: Sequence[Any], more: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """The sums of other tensors over all replicas, and those of gradients. Dense gradients are sent
    in the same message; of a sparse one the rows are concatenated, as one process has them.
    """
    dense = [one for one in gradients if isinstance(one, tf.Tensor)]
    sums = replica.sum([*more, *dense])
    made = iter(sums[len(more) :])
    found = [next(made) if isinstance(one, tf.Tensor) else _rows(replica, one) for one in gradients]
    return sums[: len(more)], found


def _rows(replica: Replica, gradient: Any) -> Any:
    if gradient is None:
        return None
    values, indices = map(replica.concatenated, (gradient.values, gradient.indices))
    return tf.IndexedSlices(values, indices, gradient.dense_shape)
