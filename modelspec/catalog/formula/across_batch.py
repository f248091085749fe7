"""Finds operations of a formula that combine several examples, which a `transform` does not
support: it sees one example at a time.

The batch axis has a unique size (`BATCH`), which identifies it after transpositions and reshapes.
"""

from __future__ import annotations

import string
from types import EllipsisType
from typing import TypeAlias

from modelspec.core.shapes import Tensor

from .elementwise import Arguments, of_batch
from .function_table import FUNCTIONS
from .products import contracted_axes
from .tree import Call, Index

Operation: TypeAlias = Call | Index


def batch_axes(x: Tensor) -> tuple[int, ...]:
    """The axes along which a tensor has several examples."""
    return tuple(axis for axis, size in enumerate(x.shape) if of_batch(size))


def joins_examples(call: Arguments, found: Tensor) -> bool:
    """Whether an operation with the result `found` combines several examples."""
    if len(batch_axes(found)) > 1:  # every example with every other
        return True
    if call.function == "reshape":
        return _reshaped(call.x, found)
    if call.function in ("matmul", "einsum"):
        return any(axis in batch_axes(x) for x, axes in contracted_axes(call) for axis in axes)
    joins = FUNCTIONS[call.function].joins
    if joins is None:
        return False
    taken = [x for item in call.tensors.values() for x in _tensors(item)]
    return any(axis in batch_axes(x) for x in taken for axis in joins(call))


def _tensors(item: object) -> list[Tensor]:
    items = item if isinstance(item, tuple) and not isinstance(item, Tensor) else (item,)
    return [one for one in items if isinstance(one, Tensor)]


def _reshaped(x: Tensor, found: Tensor) -> bool:
    """Whether the elements of an example are no longer contiguous; with the batch axis first before
    and after, they are.
    """
    return batch_axes(x) not in ((), (0,)) or batch_axes(found) not in ((), (0,))


def takes_examples(x: Tensor, items: tuple[int | slice | EllipsisType | None, ...]) -> bool:
    """Whether an index selects or reorders examples."""
    axes = batch_axes(x)
    given = [item for item in items if item is not None]
    if ... in given:
        place = given.index(...)
        rest = x.rank - (len(given) - 1)
        given[place : place + 1] = [slice(None)] * rest
    return any(
        axis in axes and not (isinstance(item, slice) and item in _WHOLE)
        for axis, item in enumerate(given)
    )


_WHOLE = (slice(None), slice(None, None, 1), slice(0, None), slice(0, None, 1))
"""Slices of a whole axis in its order."""


def free_name(used: tuple[str, ...]) -> str:
    """A one-letter name that a formula does not use."""
    return next(
        (letter for letter in f"m{string.ascii_lowercase}" if letter not in used), "learned"
    )
