"""Cells of text to numbers: the results of Python's `float`, at the speed of Arrow."""

from __future__ import annotations

import re
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.runtime.data.cells import MISSING, Numbers, inexact, numbers_of
from modelspec.runtime.data.table import NOTHING, Array

Kind = Literal["whole", "unsigned", "number", "text"]
"""Columns of numbers are float64, or int64 or uint64 if float64 would lose digits of integers.
If these do not hold them either, the cells stay strings.
"""
_MANTISSA = 53
_EXACT = 2.0**_MANTISSA
_WHOLE = "^[+-]?[0-9]+$"


class Look(NamedTuple):
    """The kind of some cells of a column."""

    kind: Literal["number", "text"] | None
    """None: all cells are missing values."""
    large: bool = False
    """Whether float64 may lose digits of an integer."""

    def __or__(self, other: Look) -> Look:
        """The combined kind of both groups of cells."""
        if "text" in (self.kind, other.kind):
            return Look("text")
        return Look(self.kind or other.kind, self.large or other.large)


class Whole(NamedTuple):
    """The kind of cells in a column with a large number."""

    signed: bool
    """Whether all are integers that int64 holds."""
    unsigned: bool
    """The same for uint64."""
    lost: bool
    """Whether float64 would change an integer."""

    def __and__(self, other: Whole) -> Whole:
        """The combined kind of both groups of cells."""
        return Whole(
            self.signed and other.signed, self.unsigned and other.unsigned, self.lost or other.lost
        )

    @property
    def kind(self) -> Kind:
        if self.signed or self.unsigned:
            return "whole" if self.signed else "unsigned"
        return "text" if self.lost else "number"


class Cells:
    """How the cells of a source become values."""

    def __init__(self, source: csv) -> None:
        self._given = source.missing_values
        self.decimal = source.decimal
        self._comma = source.decimal == ","
        self.thousands = source.thousands
        mark, point = re.escape(source.thousands or ""), re.escape(source.decimal)
        self._groups = f"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({point}[0-9]*)?([eE][+-]?[0-9]+)?$"

    def look(self, cells: Any) -> Look:
        """The kind of some cells of a column (an Arrow array of strings or numbers)."""
        if not _is_text(cells):
            return Look(None if cells.null_count == len(cells) else "number", loses_digits(cells))
        trimmed = _trim(cells)
        missing = self._missing(trimmed)
        if _all(missing):
            return Look(None)
        found = self._numbers(trimmed, missing)
        return Look("text") if found is None else Look("number", _largest(found) >= _EXACT)

    def is_simple(self, cells: Any) -> bool:
        """Whether cells are numbers that Arrow can parse."""
        if self.thousands is not None and _any(_contains(cells, self.thousands)):
            return False
        return self.look(cells) == Look("number")

    def values(self, cells: Any, kind: Kind) -> Array:
        """The cells as values of a matching kind."""
        if not _is_text(cells):
            found: Array = _numpy(cells)
            return found
        trimmed = _trim(cells)
        if kind == "text":
            return self._texts(trimmed)
        if kind != "number":
            numbers = self._whole_numbers(trimmed, "int64" if kind == "whole" else "uint64")
        else:
            numbers = self._numbers(trimmed, self._missing(trimmed))
        assert numbers is not None, "the kind was determined from these cells"
        return numbers

    @property
    def missing_words(self) -> list[str]:
        """Every spelling of a missing value in a column of numbers, without surrounding spaces."""
        if self._given is not None:
            return ["", *self._given]
        return [
            "".join(letters)
            for word in MISSING
            for letters in product(*({c, c.upper()} for c in word))
        ]

    def _missing(self, trimmed: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._given is None:
            return pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(MISSING, trimmed.type))
        return pc.is_in(trimmed, value_set=pa.array(("", *self._given), trimmed.type))

    def _texts(self, trimmed: Any) -> Array:
        import pyarrow.compute as pc

        if self._given is not None:
            trimmed = pc.if_else(self._missing(trimmed), "", trimmed)
        return np.array(trimmed.to_pylist(), dtype=object)

    def _plain(self, trimmed: Any, missing: Any) -> tuple[Any, Any]:
        """Cells with a decimal point and no thousands separator, null for missing values; and which
        of them are not numbers in this source's format.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        cells, wrong = trimmed, pa.scalar(value=False)
        if _any(missing):
            cells = pc.if_else(missing, pa.scalar(None, cells.type), cells)
        if self.thousands is not None:
            grouped = pc.match_substring_regex(cells, self._groups)
            wrong = pc.and_(_contains(cells, self.thousands), pc.invert(grouped))
            cells = pc.if_else(grouped, pc.replace_substring(cells, self.thousands, ""), cells)
        if self._comma:
            wrong = pc.or_(_contains(cells, "."), wrong)
            cells = pc.replace_substring(cells, ",", ".")
        return cells, wrong

    def _numbers(self, trimmed: Any, missing: Any) -> Array | None:
        """As float64, with `NOTHING` for missing values; None if a cell is not a number."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells, wrong = self._plain(trimmed, missing)
        if _any(wrong):
            return None
        try:
            return _numpy(pc.cast(cells, pa.float64()))
        except pa.ArrowInvalid:
            return _slowly(cells)

    # Integers -------------------------------------------------------------------------------------

    def whole(self, cells: Any) -> Whole:
        """The kind of cells in a column with a large number."""
        trimmed = _trim(cells)
        signed, unsigned = (self._whole_numbers(trimmed, one) for one in ("int64", "uint64"))
        held = signed if signed is not None else unsigned
        if held is not None:
            lost = inexact(held, _MANTISSA) is not None
            return Whole(signed is not None, unsigned is not None, lost)
        return Whole(signed=False, unsigned=False, lost=bool(self.numbers(cells).lost.any()))

    def _whole_numbers(self, trimmed: Any, dtype: str) -> Array | None:
        """Cells that are all integers of a dtype; None if one is not."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells, wrong = self._plain(trimmed, self._missing(trimmed))
        if _any(wrong) or not _all(_is_whole(cells)):
            return None
        try:
            numbers = pc.cast(pc.utf8_ltrim(cells, "+"), pa.type_for_alias(dtype))
        except pa.ArrowInvalid:
            return None
        found: Array = numbers.to_numpy(zero_copy_only=False)
        return found

    def written_whole(self, cells: Any) -> Array:
        """Which cells are written as integers."""
        trimmed = _trim(cells)
        cells, _ = self._plain(trimmed, self._missing(trimmed))
        found: Array = _is_whole(cells).to_numpy(zero_copy_only=False)
        return found

    def numbers(self, texts: Any) -> Numbers:
        """Cells as numbers, each parsed independently of the others."""
        import pyarrow as pa
        import pyarrow.compute as pc

        trimmed = _trim(pa.array(texts, pa.string()))
        cells, wrong = self._plain(trimmed, self._missing(trimmed))
        # No number contains `_`, so it marks numbers that this source writes in another way.
        return numbers_of(pc.if_else(wrong, "_", cells).to_pylist())


def _is_whole(cells: Any) -> Any:
    import pyarrow.compute as pc

    return pc.fill_null(pc.match_substring_regex(cells, _WHOLE), fill_value=False)


def _contains(cells: Any, mark: str) -> Any:
    import pyarrow.compute as pc

    return pc.fill_null(pc.match_substring(cells, mark), fill_value=False)


def _slowly(cells: Any) -> Array | None:
    """Numbers that only Python parses, such as `+1`; never `1_000`, which is not a number in
    tables.
    """
    found = np.empty(len(cells))
    for index, cell in enumerate(cells.to_pylist()):
        if cell is not None and "_" in cell:
            return None
        try:
            found[index] = NOTHING if cell is None else float(cell)
        except ValueError:
            return None
    return found


def _is_text(cells: Any) -> bool:
    return str(cells.type) == "string"


def _numpy(cells: Any) -> Array:
    found: Array = (cells.fill_null(NOTHING) if cells.null_count else cells).to_numpy(
        zero_copy_only=False
    )
    return found


def has_text(cells: Any) -> bool:
    """Whether a cell contains more than spaces."""
    import pyarrow.compute as pc

    return _any(pc.not_equal(_trim(cells), ""))


def loses_digits(cells: Any) -> bool:
    """Whether numbers are so large that float64 may not represent them."""
    return (
        not _is_text(cells) and _largest(cells.drop_null().to_numpy(zero_copy_only=False)) >= _EXACT
    )


def _trim(cells: Any) -> Any:
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(cells)


def _any(mask: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(mask, min_count=0).as_py())


def _all(mask: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(mask, min_count=0).as_py())


def _largest(values: Array) -> float:
    if not len(values):
        return 0.0
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        return float(np.abs(finite).max()) if len(finite) else 0.0
    return max(-low, high)
