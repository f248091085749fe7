"""The values of a condition on rows: one for each row, or one for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from modelspec.compiler.expand.row_tree import Column, Node, Place

from .table import Array


class Vector(NamedTuple):
    """Values of rows."""

    values: Any
    """[rows], strings as an array of `object`; or one value for all rows."""
    missing: Array | None = None
    """Which of them are missing; None: none."""

    def lacking(self, size: int) -> Array:
        """Which of `size` rows have no value."""
        lacking = False if self.missing is None else self.missing
        return np.broadcast_to(np.asarray(lacking, bool), (size,))


class Unread(Exception):
    """A cell that does not have the kind that the condition requires."""

    def __init__(self, shown: str, row: int, why: str) -> None:
        super().__init__(why)
        self.shown = shown
        self.row = row
        """Row within the block."""
        self.why = why
        self.column: str | None = None
        self.place: Place = (0, 0)

    def of(self, node: Node) -> Unread:
        """The same for a part of the condition."""
        self.place = node.place
        self.column = node.name if isinstance(node, Column) else None
        return self


def joined(*values: Vector) -> Array | None:
    """Which rows lack one of the values; None: no rows."""
    found = [one.missing for one in values if one.missing is not None]
    if not found:
        return None
    whole: Array = np.logical_or.reduce(np.broadcast_arrays(*found))
    return whole


def each(function: Callable[..., Any], value: Vector) -> Vector:
    """Applies a Python function to every present value. Raises what the function raises."""
    if not np.ndim(value.values):
        one = value.values.item() if hasattr(value.values, "item") else value.values
        return Vector(function(one), value.missing)
    lacking = value.lacking(len(value.values))
    found = [
        None if lacks else function(one)
        for one, lacks in zip(value.values.tolist(), lacking, strict=True)
    ]
    return Vector(found, value.missing)


def is_text(value: Vector) -> bool:
    """Whether values are strings."""
    values = value.values
    return isinstance(values, str) or (isinstance(values, np.ndarray) and values.dtype.kind == "O")
