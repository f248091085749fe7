"""Values of Python (numbers, strings, lists) as the columns of a `Table`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .cells import inexact
from .table import NOTHING, Array

_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}
_SIGNED, _UNSIGNED = range(-(2**63), 2**63), range(2**64)
_MANTISSA = 53


def kind_of(value: Any) -> str:
    """The kind of a value, in words: `a number`, `a string`."""
    return _KINDS.get(type(value), f"a `{type(value).__name__}`")


@dataclass
class Shape:
    """The common properties of a column's values, collected one by one."""

    kind: str | None = None
    """`a number`, `a string`, ...: see `_KINDS`; None until there is a value."""
    floats: bool = False
    least: int = 0
    """The smallest integer, or 0."""
    most: int = 0
    """The largest integer, or 0."""
    lost: tuple[int, int] | None = None
    """The first integer that float64 cannot represent, and its place."""
    nulls: bool = False
    sizes: set[tuple[int, ...]] = field(default_factory=set)
    """The shapes of the lists."""
    dtype: np.dtype[Any] | None = None
    """The dtype of the lists' items."""

    def add(self, value: Any, place: int) -> str | None:
        """Notes a value; returns the problem with it, in words that follow the column's name."""
        if value is None:
            self.nulls = True
            return None
        if isinstance(value, bytes):
            return "contains bytes that are not UTF-8"
        kind = kind_of(value)
        if kind not in _TAKEN:
            return f"contains {kind}, which cannot be converted to an array,"
        if self.kind is None:
            self.kind = kind
        if kind != self.kind:
            return f"contains {self.kind} first, but {kind}"
        if kind == "a list":
            return self._add_list(value, place)
        if kind == "a string" and not _is_encodable(value):
            return "contains half a surrogate pair, which cannot be encoded,"
        if type(value) is float:
            self.floats = True
        elif type(value) is int:
            return self._add_whole(value, place)
        return None

    def _add_whole(self, value: int, place: int) -> str | None:
        if not self.least <= value <= self.most:
            if value not in _SIGNED and value not in _UNSIGNED:
                return "contains an integer of more than 64 bits"
            self.least, self.most = min(self.least, value), max(self.most, value)
        if self.lost is None and abs(value) > 2**_MANTISSA and int(float(value)) != value:
            self.lost = value, place
        return None

    @property
    def whole(self) -> np.dtype[Any] | None:
        """The 64-bit dtype that holds every integer; None if there is none."""
        if self.most in _SIGNED:
            return np.dtype(np.int64)
        return np.dtype(np.uint64) if self.least in _UNSIGNED else None

    def _add_list(self, value: list[Any], place: int) -> str | None:
        try:
            array = np.array(value)
        except (ValueError, OverflowError):
            return "contains a list whose rows have different lengths"
        for one in _wholes(value, array):
            if (wrong := self._add_whole(one, place)) is not None:
                return wrong
        if array.dtype.kind == "U" and not all(map(_is_encodable, array.flat)):
            return "contains half a surrogate pair, which cannot be encoded,"
        if array.dtype.kind not in "biufU":
            return "contains a list that is empty or has items that are not numbers or strings,"
        if (
            self.dtype is not None
            and (array.dtype.kind == "U") != (self.dtype.kind == "U")
            and array.size
        ):
            return "contains lists of numbers and lists of strings"
        self.floats = self.floats or (array.dtype.kind == "f" and _has_float(value, array))
        if len(self.sizes) < 2:
            self.sizes.add(array.shape)
        if array.size:
            self.dtype = (
                array.dtype if self.dtype is None else np.promote_types(self.dtype, array.dtype)
            )
        return None


def _is_encodable(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _wholes(value: list[Any], array: Array) -> list[int]:
    """The integers of a list that determine their range, and those that float64 cannot
    represent.
    """
    if array.dtype.kind in "iu" and array.size:
        bad = inexact(array, _MANTISSA)
        lost = [] if bad is None else [int(array[bad].flat[0])]
        return [int(array.min()), int(array.max()), *lost]
    if array.dtype.kind == "O" or (array.dtype.kind == "f" and _is_large(array)):
        return [one for one in np.array(value, object).flat if type(one) is int]
    return []


def _has_float(value: list[Any], array: Array) -> bool:
    """Whether a list that NumPy converts to floating point contains a floating-point number:
    NumPy also converts lists of integers that have no common dtype.
    """
    return not _is_large(array) or any(type(one) is float for one in np.array(value, object).flat)


def _is_large(array: Array) -> bool:
    return bool(np.any(np.abs(array) >= 2.0**_MANTISSA))


_TAKEN = ("a boolean", "a number", "a string", "a list")


@dataclass(frozen=True)
class Values:
    """Makes arrays of a column, or of parts of it, all of the same dtype."""

    shape: Shape
    name: str
    table: str
    at: Callable[[int], str]
    """A place given to `Shape.add`, in the form for messages."""

    def array(self, values: list[Any]) -> Array:
        """Raises `Fault`: MS608 for a missing list, MS653 if no dtype holds all of the integers."""
        kind = self.shape.kind
        if kind is None or kind == "a string":
            return np.array(_filled(values, ""), dtype=object)
        if kind == "a list":
            return self._lists(values)
        if self.shape.nulls:
            self._check_exact(
                "has missing values beside", "fill in the missing values, or write strings"
            )
            return np.array(_filled(values, NOTHING), dtype=np.float64)
        if kind == "a boolean":
            return np.array(values, dtype=bool)
        if not self.shape.floats:
            return np.array(values, dtype=self._whole())
        self._check_exact("has fractions beside", "write them as separate columns")
        return np.array(values, dtype=np.float64)

    def _check_exact(self, why: str, help: str) -> None:
        """Raises `Fault` (MS653) if floating point cannot represent every integer."""
        if self.shape.lost is not None:
            value, place = self.shape.lost
            raise Fault(
                "MS653",
                f"`{self.name}` of {self.table} {why} integers that are too large for floating"
                f" point: {value} at {self.at(place)}",
                help=help,
            )

    def _whole(self) -> np.dtype[Any]:
        """Raises `Fault` (MS653) if no dtype holds every integer."""
        if self.shape.whole is None:
            raise Fault(
                "MS653",
                f"`{self.name}` of {self.table} contains {self.shape.least} and {self.shape.most},"
                " but no 64-bit dtype holds both",
                help="write them as separate columns, or as strings",
            )
        return self.shape.whole

    def _item_dtype(self) -> np.dtype[Any]:
        """The dtype of the items of all lists. Raises `Fault` (MS653)."""
        dtype = self.shape.dtype
        if dtype is None or dtype.kind == "b":
            return dtype or np.dtype(np.float64)
        if dtype.kind == "U":
            return np.dtype(object)
        if not self.shape.floats:
            return self._whole()
        self._check_exact("has fractions beside", "write them as separate columns")
        return np.dtype(np.float64)

    def _lists(self, values: list[Any]) -> Array:
        if None in values:
            raise Fault(
                "MS608",
                f"`{self.name}` of {self.table} has no list in row {values.index(None) + 1:,}",
                help="fill it in, or remove the row",
            )
        dtype = self._item_dtype()
        if len(self.shape.sizes) == 1:
            return np.array(values, dtype=dtype).reshape(len(values), *next(iter(self.shape.sizes)))
        found = np.empty(len(values), object)
        for index, value in enumerate(values):
            found[index] = np.array(value, dtype=dtype)
        return found


def _filled(values: list[Any], nothing: Any) -> list[Any]:
    """The values, with a replacement for missing ones."""
    return [nothing if value is None else value for value in values]
