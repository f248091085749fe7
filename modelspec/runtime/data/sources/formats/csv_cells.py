"""Cells of text to numbers: exactly what Python's `float` makes of them, at the speed of Arrow."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.runtime.data.table import NOTHING, Array

Kind = Literal["whole", "number", "text"]
"""Columns of numbers are float64, and int64 where that would lose digits of whole numbers."""

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none")
"""What a cell of a column of numbers without a value holds, in lower case, where a spec says
nothing.
"""
_EXACT = 2.0**53


class Cells:
    """How the cells of a source become values."""

    def __init__(self, source: csv) -> None:
        self._given = source.missing_values
        self.decimal = source.decimal
        self._comma = source.decimal == ","

    def kind(self, cells: Any) -> Kind | None:
        """What a column is, by some of its cells (an Arrow array of text or numbers); None where
        all lack a value.
        """
        if not _is_text(cells):
            return None if cells.null_count == len(cells) else "number"
        trimmed = _trim(cells)
        missing = self._missing(trimmed)
        if _all(missing):
            return None
        found = self._numbers(trimmed, missing)
        if found is None:
            return "text"
        if _largest(found) >= _EXACT and not _any(missing) and self._whole(trimmed) is not None:
            return "whole"
        return "number"

    def values(self, cells: Any, kind: Kind) -> Array:
        """The cells as values of a kind that fits them."""
        if not _is_text(cells):
            found: Array = _numpy(cells)
            return found
        trimmed = _trim(cells)
        if kind == "text":
            return self._texts(trimmed)
        missing = self._missing(trimmed)
        numbers = self._whole(trimmed) if kind == "whole" else self._numbers(trimmed, missing)
        assert numbers is not None, "the kind was told by these cells"
        return numbers

    @property
    def missing_words(self) -> list[str]:
        """Every spelling of a cell of a column of numbers that has no value, without spaces around
        it.
        """
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

    def _numbers(self, trimmed: Any, missing: Any) -> Array | None:
        """As float64, with `NOTHING` where a value lacks; None where a cell is no number."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = trimmed
        if self._comma:
            if _any(pc.match_substring(cells, ".")):
                return None
            cells = pc.replace_substring(cells, ",", ".")
        lacking = _any(missing)
        if lacking:
            cells = pc.if_else(missing, pa.scalar(None, cells.type), cells)
        try:
            return _numpy(pc.cast(cells, pa.float64()))
        except pa.ArrowInvalid:
            return _slowly(cells)

    def _whole(self, trimmed: Any) -> Array | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            found: Array = pc.cast(trimmed, pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return None
        return found


def _slowly(cells: Any) -> Array | None:
    """Numbers that only Python reads, such as `+1`; never `1_000`, which tables do not mean as a
    number.
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
    """Whether a cell holds more than spaces."""
    import pyarrow.compute as pc

    return _any(pc.not_equal(_trim(cells), ""))


def loses_digits(cells: Any) -> bool:
    """Whether numbers are so large that float64 may not hold them: whole ones are then int64."""
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
