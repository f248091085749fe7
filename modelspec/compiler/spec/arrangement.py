"""How the examples of an array are arranged for a model input: axes of size 1 are added or removed,
flat vectors are reshaped.
"""

from __future__ import annotations

from math import prod
from typing import TypeAlias

from modelspec.core.shapes import PENDING, Shape, Size, may_equal

Sizes: TypeAlias = tuple[int, ...]


def match(found: Sizes, wanted: Shape) -> Shape | None:
    """The shape of one example of an array, arranged as `wanted`; None if that is impossible
    without guessing.

    The order of the sizes is kept: axes of size 1 may be added or removed, and a flat vector may be
    reshaped to any shape with as many values, or the reverse. Nothing else is reshaped: `(3, 32,
    32)` has as many values as `(32, 32, 3)`, but in another order.
    """
    if len(found) == len(wanted) and _agree(found, wanted):
        return tuple(found)
    squeezed = _without_ones(found, wanted)
    return squeezed if squeezed is not None else _of_as_many_values(found, wanted)


def _of_as_many_values(found: Sizes, wanted: Shape) -> Shape | None:
    """`wanted` completed so that it has as many values, if one of the two is a flat vector."""
    if not (_is_flat(found) or _is_flat(wanted)):
        return None
    count = prod(found)
    rest = prod(size for size in wanted if isinstance(size, int))
    unknown = [size for size in wanted if not isinstance(size, int)]
    if unknown == [PENDING] and rest and count % rest == 0:
        return tuple(count // rest if size == PENDING else size for size in wanted)
    return wanted if not unknown and rest == count else None


def _is_flat(shape: Shape) -> bool:
    return sum(size != 1 for size in shape) <= 1


def _agree(found: Sizes, wanted: Shape) -> bool:
    return all(
        size == PENDING or may_equal(one, size) for one, size in zip(found, wanted, strict=True)
    )


def _without_ones(found: Sizes, wanted: Shape) -> Shape | None:
    """`wanted` completed from the sizes found, if only axes of size 1 differ."""
    sizes = [size for size in found if size != 1]
    places = [axis for axis, size in enumerate(wanted) if size != 1]
    if len(sizes) != len(places) or not _agree(
        tuple(sizes), tuple(wanted[axis] for axis in places)
    ):
        return None
    filled: list[Size] = [1] * len(wanted)
    for axis, size in zip(places, sizes, strict=True):
        filled[axis] = size
    return tuple(filled)
