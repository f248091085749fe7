"""Values of Python (numbers, text, lists) as the columns of a `Table`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .table import NOTHING, Array

_KINDS = {
    bool: "`true` or `false`",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_RANGE = range(-(2**63), 2**63)


@dataclass
class Shape:
    """What the values of a column have in common, learnt from one after the other."""

    kind: str | None = None
    """`a number`, `text`, ...: see `_KINDS`; None as long as there was no value."""
    floats: bool = False
    largest: int = 0
    nulls: bool = False
    sizes: set[tuple[int, ...]] = field(default_factory=set)
    """The shapes of the lists."""
    dtype: np.dtype[Any] | None = None
    """That of the lists' items."""

    def add(self, value: Any, place: int) -> str | None:
        """Notes a value; what is wrong with it, in words that follow the column's name."""
        if value is None:
            self.nulls = True
            return None
        kind = _KINDS.get(type(value), f"a `{type(value).__name__}`")
        if kind not in _TAKEN:
            return f"holds {kind}, of which no array is made,"
        if self.kind is None:
            self.kind = kind
        if kind != self.kind:
            return f"holds {self.kind} at first, but {kind}"
        if kind == "a list":
            return self._add_list(value)
        if type(value) is float:
            self.floats = True
        elif type(value) is int and abs(value) > self.largest:
            if value not in _RANGE:
                return "holds a whole number of more than 64 bits"
            self.largest = abs(value)
        return None

    def _add_list(self, value: list[Any]) -> str | None:
        try:
            array = np.array(value)
        except (ValueError, OverflowError):
            return "holds a list whose rows differ in length"
        if array.dtype.kind not in "biufU":
            return "holds a list of other things than numbers or text, or with nothing in it,"
        if (
            self.dtype is not None
            and (array.dtype.kind == "U") != (self.dtype.kind == "U")
            and array.size
        ):
            return "holds lists of numbers and lists of text"
        if len(self.sizes) < 2:
            self.sizes.add(array.shape)
        if array.size:
            self.dtype = (
                array.dtype if self.dtype is None else np.promote_types(self.dtype, array.dtype)
            )
        return None


_TAKEN = ("`true` or `false`", "a number", "text", "a list")


@dataclass(frozen=True)
class Values:
    """Makes arrays of a column, or of parts of it, all of one dtype."""

    shape: Shape
    name: str
    table: str

    def array(self, values: list[Any]) -> Array:
        """Raises `Fault`: MS608 for a list that is missing, MS653 where a missing value would
        change large numbers.
        """
        kind = self.shape.kind
        if kind is None or kind == "text":
            return np.array(_filled(values, ""), dtype=object)
        if kind == "a list":
            return self._lists(values)
        if self.shape.nulls:
            self._check_exact(
                "lacks values, and others are", "fill the missing ones in, or write text"
            )
            return np.array(_filled(values, NOTHING), dtype=np.float64)
        if kind == "`true` or `false`":
            return np.array(values, dtype=bool)
        if not self.shape.floats:
            return np.array(values, dtype=np.int64)
        self._check_exact("holds fractions beside", "write them as columns of their own")
        return np.array(values, dtype=np.float64)

    def _check_exact(self, why: str, help: str) -> None:
        """Raises `Fault` (MS653) where floating point cannot hold every whole number."""
        if self.shape.largest > 2**53:
            raise Fault(
                "MS653",
                f"`{self.name}` of {self.table} {why} whole numbers so large that floating point"
                " would change them",
                help=help,
            )

    def _lists(self, values: list[Any]) -> Array:
        if None in values:
            raise Fault(
                "MS608",
                f"`{self.name}` of {self.table} has no list in row {values.index(None) + 1:,}",
                help="fill it in, or remove the row",
            )
        dtype = self.shape.dtype or np.dtype(np.float64)
        dtype = np.dtype(object) if dtype.kind == "U" else dtype
        if len(self.shape.sizes) == 1:
            return np.array(values, dtype=dtype).reshape(len(values), *next(iter(self.shape.sizes)))
        found = np.empty(len(values), object)
        for index, value in enumerate(values):
            found[index] = np.array(value, dtype=dtype)
        return found


def _filled(values: list[Any], nothing: Any) -> list[Any]:
    """The values, with something in place of those that are missing."""
    return [nothing if value is None else value for value in values]
