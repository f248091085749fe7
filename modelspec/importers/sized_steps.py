"""Steps that depend on the shape of their tensor, which a file may not contain."""

from __future__ import annotations

import math
from typing import Any

from .architecture import Unreadable
from .composed_parts import einsum
from .operation_steps import FORMULA_HELP, Step, along, index, part, step

_MOST_PARTS = 1000
Shape = tuple[int | None, ...]
OF_SIZES = ("AttentionOf", "GatherInEach", "PartOf")


def sized(one: Step, shape: Shape | None) -> Step:
    """A step of a formula for one of the kinds in `OF_SIZES`. Raises `Unreadable` if it depends on
    a size that is unknown.
    """
    x, *rest = one.arguments.values()
    if shape is None:
        raise Unreadable("the shape of its tensor is unknown", FORMULA_HELP)
    if one.kind == "PartOf":
        return _part_of(x, shape, *rest)
    if one.kind == "AttentionOf":
        return _attention(x, shape, *rest)
    indices, *_ = rest
    added = [None] * (len(shape) - 2)
    return step("TakeAlongAxis", x, index(indices, part(), part(), *added) if added else indices, 1)


def _attention(query: Any, shape: Shape, key: Any, value: Any, bias: Any, scale: Any) -> Step:
    size = shape[-1]
    if scale is None and size is None:
        raise Unreadable("the size of its heads is unknown", FORMULA_HELP)
    factor = scale if scale is not None else 1 / math.sqrt(size or 1)
    logits = step("Multiply", einsum("btnh,bsnh->bnts", query, key), factor)
    weights = step("Softmax", logits if bias is None else step("Add", logits, bias))
    return einsum("bnts,bsnh->btnh", weights, value)


def _part_of(x: Any, shape: Shape, parts: int, axis: int, result: int) -> Step:
    if not -len(shape) <= axis < len(shape) or not 0 <= result < parts:
        raise Unreadable(f"{len(shape)} axes have no axis {axis}, or {parts} parts no {result}")
    size = shape[axis]
    if size is None:
        raise Unreadable("the size of the axis that it splits is unknown", FORMULA_HELP)
    if not 0 < parts <= _MOST_PARTS or size % parts:
        raise Unreadable(f"an axis of size {size} cannot be split in {parts} equal parts")
    each = size // parts
    return along(
        x, axis, part(result * each or None, None if result == parts - 1 else (result + 1) * each)
    )
