"""Values of Python (numbers, text, lists) as the columns of a `Table`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .cells import inexact
from .table import NOTHING, Array

_KINDS = {
    bool: "`true` or `false`",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_SIGNED, _UNSIGNED = range(-(2**63), 2**63), range(2**64)
_MANTISSA = 53


def kind_of(value: Any) -> str:
    """What a value is, in words: `a number`, `text`."""
    return _KINDS.get(type(value), f"a `{type(value).__name__}`")


@dataclass
class Shape:
    """What the values of a column have in common, learnt from one after the other."""

    kind: str | None = None
    """`a number`, `text`, ...: see `_KINDS`; None as long as there was no value."""
    floats: bool = False
    least: int = 0
    """The least whole number, or 0."""
    most: int = 0
    """The largest one, or 0."""
    lost: tuple[int, int] | None = None
    """The first whole number that float64 does not hold, and its place."""
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
        kind = kind_of(value)
        if kind not in _TAKEN:
            return f"holds {kind}, of which no array is made,"
        if self.kind is None:
            self.kind = kind
        if kind != self.kind:
            return f"holds {self.kind} at first, but {kind}"
        if kind == "a list":
            return self._add_list(value, place)
        if kind == "text" and not _is_encodable(value):
            return "holds half a character, which no encoding has,"
        if type(value) is float:
            self.floats = True
        elif type(value) is int:
            return self._add_whole(value, place)
        return None

    def _add_whole(self, value: int, place: int) -> str | None:
        if not self.least <= value <= self.most:
            if value not in _SIGNED and value not in _UNSIGNED:
                return "holds a whole number of more than 64 bits"
            self.least, self.most = min(self.least, value), max(self.most, value)
        if self.lost is None and abs(value) > 2**_MANTISSA and int(float(value)) != value:
            self.lost = value, place
        return None

    @property
    def whole(self) -> np.dtype[Any] | None:
        """The dtype of 64 bits that holds every whole number; None where none does."""
        if self.most in _SIGNED:
            return np.dtype(np.int64)
        return np.dtype(np.uint64) if self.least in _UNSIGNED else None

    def _add_list(self, value: list[Any], place: int) -> str | None:
        try:
            array = np.array(value)
        except (ValueError, OverflowError):
            return "holds a list whose rows differ in length"
        for one in _wholes(value, array):
            if (wrong := self._add_whole(one, place)) is not None:
                return wrong
        if array.dtype.kind == "U" and not all(map(_is_encodable, array.flat)):
            return "holds half a character, which no encoding has,"
        if array.dtype.kind not in "biufU":
            return "holds a list of other things than numbers or text, or with nothing in it,"
        if (
            self.dtype is not None
            and (array.dtype.kind == "U") != (self.dtype.kind == "U")
            and array.size
        ):
            return "holds lists of numbers and lists of text"
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
    """The whole numbers of a list that say how large they all are, and those that float64 does not
    hold.
    """
    if array.dtype.kind in "iu" and array.size:
        bad = inexact(array, _MANTISSA)
        lost = [] if bad is None else [int(array[bad].flat[0])]
        return [int(array.min()), int(array.max()), *lost]
    if array.dtype.kind == "O" or (array.dtype.kind == "f" and _is_large(array)):
        return [one for one in np.array(value, object).flat if type(one) is int]
    return []


def _has_float(value: list[Any], array: Array) -> bool:
    """Whether a list of which NumPy makes floating-point numbers has one: it makes them of whole
    numbers too where these are of no one dtype.
    """
    return not _is_large(array) or any(type(one) is float for one in np.array(value, object).flat)


def _is_large(array: Array) -> bool:
    return bool(np.any(np.abs(array) >= 2.0**_MANTISSA))


_TAKEN = ("`true` or `false`", "a number", "text", "a list")


@dataclass(frozen=True)
class Values:
    """Makes arrays of a column, or of parts of it, all of one dtype."""

    shape: Shape
    name: str
    table: str
    at: Callable[[int], str]
    """A place that `Shape.add` got, as a message names it."""

    def array(self, values: list[Any]) -> Array:
        """Raises `Fault`: MS608 for a list that is missing, MS653 where no dtype holds all of the
        whole numbers.
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
            return np.array(values, dtype=self._whole())
        self._check_exact("holds fractions beside", "write them as columns of their own")
        return np.array(values, dtype=np.float64)

    def _check_exact(self, why: str, help: str) -> None:
        """Raises `Fault` (MS653) where floating point cannot hold every whole number."""
        if self.shape.lost is not None:
            value, place = self.shape.lost
            raise Fault(
                "MS653",
                f"`{self.name}` of {self.table} {why} whole numbers so large that floating point"
                f" would change them: {value} at {self.at(place)}",
                help=help,
            )

    def _whole(self) -> np.dtype[Any]:
        """Raises `Fault` (MS653) where no dtype holds every whole number."""
        if self.shape.whole is None:
            raise Fault(
                "MS653",
                f"`{self.name}` of {self.table} holds {self.shape.least} and {self.shape.most}:"
                " no dtype of 64 bits has both",
                help="write them as columns of their own, or as text",
            )
        return self.shape.whole

    def _item_dtype(self) -> np.dtype[Any]:
        """That of the items of all lists. Raises `Fault` (MS653)."""
        dtype = self.shape.dtype
        if dtype is None or dtype.kind == "b":
            return dtype or np.dtype(np.float64)
        if dtype.kind == "U":
            return np.dtype(object)
        if not self.shape.floats:
            return self._whole()
        self._check_exact("holds fractions beside", "write them as columns of their own")
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
    """The values, with something in place of those that are missing."""
    return [nothing if value is None else value for value in values]
