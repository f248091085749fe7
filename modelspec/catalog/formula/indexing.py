"""Type rules of indexing: `x[:, -1]`."""

from __future__ import annotations

from types import EllipsisType

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import PENDING, Shape, Size, Tensor, add, show

from .tree import Place


def index(
    x: Tensor, items: tuple[int | slice | EllipsisType | None, ...], places: tuple[Place, ...]
) -> Tensor:
    """`x[...]`: integers select an element, slices a range, `None` adds an axis of size 1, `...`
    skips axes.
    """
    taken = sum(item is not None and item is not ... for item in items)
    if taken > x.rank:
        raise Fault("MS407", f"too many indices ({taken}) for {x.rank} axes: {show(x.shape)}")
    if ... not in items:
        items, places = (*items, ...), (*places, (0, 0))
    left = list(x.shape)
    shape: list[Size] = []
    for item, place in zip(items, places, strict=True):
        if item is None:
            shape.append(1)
        elif isinstance(item, EllipsisType):
            skipped = x.rank - taken
            shape, left = [*shape, *left[:skipped]], left[skipped:]
        else:
            size = left.pop(0)
            _check_item(item, size, place, x.shape)
            if isinstance(item, slice):
                shape.append(_part(size, item))
    return Tensor(tuple(shape), x.dtype)


def _check_item(item: int | slice, size: Size, place: Place, shape: Shape) -> None:
    if not isinstance(size, int):
        return
    if isinstance(item, slice):
        if not len(range(*item.indices(size))):
            raise Fault(
                "MS407", f"the slice of an axis of size {size} is empty: {show(shape)}", part=place
            )
    elif not -size <= item < size:
        raise Fault(
            "MS407",
            f"index {item} is out of range for an axis of size {size}: {show(shape)}",
            part=place,
            help=f"use an index from {-size} to {size - 1}",
        )


def _part(size: Size, part: slice) -> Size:
    """The number of elements of a slice."""
    if isinstance(size, int):
        return len(range(*part.indices(size)))
    step = 1 if part.step is None else part.step
    start = None if part.start == 0 and step == 1 else part.start
    bounds = (start, part.stop, step)
    if size == PENDING or size is None or bounds in _WHOLE:
        return size
    # A size is at least 1, so one less is never negative.
    return add(size, -1) if size.isidentifier() and bounds in _ALL_BUT_ONE else None


_WHOLE = ((None, None, 1), (None, None, -1))
"""Start, stop and step of slices of a whole axis."""
_ALL_BUT_ONE = ((1, None, 1), (None, -1, 1))
"""Start, stop and step of slices of all elements but one."""
