"""Columns before the predictions: those that identify a row, and kept columns of the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelspec.core.diagnostics import listed

from ..data import RunError, Table
from ..data.table import BLOCK, Array, is_nothing

ROW, FILE = "row", "file"
"""The column names for the row number, from 1, and the file name."""
ALL = "all"


@dataclass(frozen=True)
class Carried:
    """Columns that are copied from the source, block by block."""

    table: Table
    number: str | None
    """The identification of rows without an id column: `row`, `file`, or None."""
    columns: tuple[str, ...]
    rows: Array
    """The positions in the table of the predicted rows."""
    numbers: Array
    """Their positions in the source; unreadable rows are counted too."""

    def batches(self, sizes: Iterator[int]) -> Iterator[Mapping[str, Array]]:
        """The columns in blocks of consecutive rows."""
        names = self.table.file_names if self.number == FILE else None
        cells, at = _Cells(self.table, self.columns, self.rows), 0
        for size in sizes:
            found: dict[str, Array] = {}
            if names is not None:
                chosen = self.rows[at : at + size]
                found[FILE] = np.array([names[row] for row in chosen], dtype=object)
            elif self.number is not None:
                found[self.number] = self.numbers[at : at + size] + 1
            if self.columns:
                found |= cells.take(size)
            at += size
            yield found


class _Cells:
    """The cells of some rows, taken in their order."""

    def __init__(self, table: Table, columns: tuple[str, ...], rows: Array) -> None:
        self._columns = columns
        self._blocks = self._chosen(table, rows) if columns else iter(())
        self._left: dict[str, Array] = {}

    def _chosen(self, table: Table, rows: Array) -> Iterator[dict[str, Array]]:
        if np.any(rows[1:] <= rows[:-1]):  # windows of several groups
            whole = {name: table.column(name, text=True) for name in self._columns}
            yield {name: _plain(values[rows]) for name, values in whole.items()}
            return
        start = 0
        for block in table.blocks(self._columns, BLOCK, self._columns):
            size = len(block[self._columns[0]])
            first, last = np.searchsorted(rows, [start, start + size])
            inner = rows[first:last] - start
            yield {name: _plain(values[inner]) for name, values in block.items()}
            start += size

    def take(self, size: int) -> dict[str, Array]:
        parts = [self._left] if self._left else []
        count = len(self._left[self._columns[0]]) if self._left else 0
        while count < size:
            block = next(self._blocks)
            parts.append(block)
            count += len(block[self._columns[0]])
        whole = (
            parts[0]
            if len(parts) == 1
            else {name: np.concatenate([part[name] for part in parts]) for name in self._columns}
        )
        self._left = {name: values[size:] for name, values in whole.items()}
        return {name: values[:size] for name, values in whole.items()}


def _plain(values: Array) -> Array:
    """Strings as objects, because the maximum length differs between blocks."""
    if values.dtype.kind == "f":
        nothing = is_nothing(values)
        return np.where(nothing, np.nan, values) if nothing.any() else values
    return values.astype(object) if values.dtype.kind in "US" else values


def carried(
    table: Table,
    rows: Array,
    *,
    id: str | None,
    keep: str | Sequence[str],
    numbered: bool,
) -> Carried:
    """The columns to copy from a table: the column `id`, otherwise file names or row numbers if
    rows are `numbered`; and the columns in `keep`, or with `all` every column with one value per
    row.

    Raises `DataError` (MS607) for a column that does not exist, and `RunError` (MS731) for a column
    of arrays.
    """
    kept = [keep] if isinstance(keep, str) and keep != ALL else keep
    asked = tuple(
        dict.fromkeys([*([id] if id is not None else []), *(kept if kept != ALL else ())])
    )
    every = tuple(name for name in table.names if name not in asked) if kept == ALL else ()
    looked = (*asked, *every)
    first = next(iter(table.blocks(looked, 1, looked)), {}) if looked else {}
    arrays = [name for name, values in first.items() if not _is_plain(values)]
    if wrong := [name for name in asked if name in arrays]:
        raise RunError.of(
            "MS731",
            f"{listed([f'`{name}`' for name in wrong])} of {table.name} has an array for each row;"
            " expected columns with one value for each row",
            help="name columns of numbers or strings",
        )
    number = None
    if id is None and numbered:
        number = FILE if table.file_names is not None else ROW
    columns = (*asked, *(name for name in every if name not in arrays))
    numbers = rows if table.source_places is None else table.source_places[rows]
    return Carried(table, number, columns, rows, numbers)


def _is_plain(values: Array) -> bool:
    """Whether a column has one number or string for each row."""
    if values.ndim != 1:
        return False
    return values.dtype.kind != "O" or not isinstance(
        next(iter(values), ""), (list, tuple, np.ndarray, dict)
    )
