"""Which examples of a global batch each replica computes: a contiguous slice by its position.

    7 examples on 3 replicas: 0 1 2 | 3 4 | 5 6

A batch with fewer examples than replicas gives some of them none. Such a replica computes the last
example with weight 0, because many layers of TensorFlow reject an empty batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Batch = Any
"""Inputs, or a tuple of inputs, targets and weights; each a tensor, or several by name."""


@dataclass(frozen=True)
class Share:
    """The replicas of one process."""

    first: int
    """The number of the first one."""
    count: int
    total: int
    """The number of replicas of all processes."""

    @property
    def is_whole(self) -> bool:
        """Whether this process computes whole batches."""
        return self.count == self.total

    def seed(self, seed: int) -> int:
        """A seed for the random numbers of this process."""
        return seed + 1_000_003 * self.first

    def span(self, examples: Any) -> tuple[Any, Any]:
        """The first example of a batch that this process requires, and the one after the last. It
        requires at least one.
        """
        start, _ = part_of(examples, self.first, self.total)
        last, size = part_of(examples, self.first + self.count - 1, self.total)
        start = _least(start, examples - 1)
        return start, _most(last + size, start + 1)


class Slice(NamedTuple):
    """The examples of one replica in the share of its process, as integers or tensors."""

    start: Any
    end: Any
    counted: Any
    """The number that count: 0, or all of them."""


def part_of(examples: Any, replica: int, total: int) -> tuple[Any, Any]:
    """The first example of a replica, and its number of examples."""
    each, more = examples // total, examples % total
    return replica * each + _least(replica, more), each + _one_if_less(replica, more)


def slice_of(share: Share, examples: Any, replica: int) -> Slice:
    """The examples of a replica, by its number, in the share of a batch of so many examples."""
    begin, _ = share.span(examples)
    start, size = part_of(examples, replica, share.total)
    start = _least(start, examples - 1)
    return Slice(start - begin, _most(start + size, start + 1) - begin, size)


def sliced(batch: Batch, start: Any, end: Any) -> Batch:
    """The examples of a batch from `start` up to, but not including, `end`."""
    if isinstance(batch, tuple):
        return tuple(sliced(one, start, end) for one in batch)
    if isinstance(batch, Mapping):
        return {name: sliced(one, start, end) for name, one in batch.items()}
    return batch[start:end]


def in_share(values: Any, share: Share | None) -> Any:
    """What a process takes of the examples of a global batch; all of them without a share."""
    if share is None or share.is_whole:
        return values
    import tensorflow as tf

    start, end = share.span(tf.shape(values)[0])
    return values[start:end]


def with_examples(
    batches: Any, share: Share, count: int, batch_size: int, first: Any, *, divided: bool
) -> Any:
    """Pairs of the batch of a process and the number of examples of the global batch, for the steps
    from `first` on of an epoch of so many examples. `divided`: the batches are those of the process
    already, not the global ones.
    """
    import tensorflow as tf

    def sizes(step: Any) -> Any:
        return tf.cast(tf.minimum(count - step * batch_size, batch_size), tf.int32)

    def pair(batch: Any, examples: Any) -> Any:
        if divided or share.is_whole:
            return batch, examples
        return sliced(batch, *share.span(examples)), examples

    numbers = tf.data.Dataset.range(first, -(-count // batch_size))
    return tf.data.Dataset.zip((batches, numbers.map(sizes))).map(pair)


def _least(one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int):
        return min(one, other)
    import tensorflow as tf

    return tf.minimum(other, one) if isinstance(one, int) else tf.minimum(one, other)


def _most(one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other)
    import tensorflow as tf

    return tf.maximum(one, other)


def _one_if_less(one: int, other: Any) -> Any:
    if isinstance(other, int):
        return int(one < other)
    import tensorflow as tf

    return tf.cast(one < other, other.dtype)
