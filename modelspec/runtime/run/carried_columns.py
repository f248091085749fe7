"""Columns before the predictions: what identifies a row, and kept columns of the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelspec.core.diagnostics import listed

from ..data import RunError, Table
from ..data.table import BLOCK, Array, is_nothing

ROW, FILE = "row", "file"
"""What the number of a row, from 1, and the name of a file are written under."""
ALL = "all"


@dataclass(frozen=True)
class Carried:
    """Columns that are carried over from the source, block by block."""

    table: Table
    number: str | None
    """What tells rows apart that have no column for it: `row`, `file`; None for nothing."""
    columns: tuple[str, ...]
    rows: Array
    """The places in the table of the rows that are predicted."""
    numbers: Array
    """Their numbers in the source, from 1, rows that cannot be read included."""

    def batches(self, sizes: Iterator[int]) -> Iterator[Mapping[str, Array]]:
        """The columns of so many rows, and of so many after them."""
        names = self.table.file_names if self.number == FILE else None
        cells, at = _Cells(self.table, self.columns, self.rows), 0
        for size in sizes:
            found: dict[str, Array] = {}
            if names is not None:
                chosen = self.rows[at : at + size]
                found[FILE] = np.array([names[row] for row in chosen], dtype=object)
            elif self.number is not None:
                found[self.number] = self.numbers[at : at + size]
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
    """Text as objects, as its longest may differ from block to block."""
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
    """What is carried over of a table: the column `id`, else the names of files or numbers of rows
    where rows are `numbered`; and the columns of `keep`, or `all` that have one value a row.

    Raises `DataError` (MS607) for a column that there is not, and `RunError` (MS731) for one of
    arrays.
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
            f"{listed([f'`{name}`' for name in wrong])} of {table.name} has an array for each row,"
            " which is not carried over to the predictions",
            help="name columns of numbers or text",
        )
    number = None
    if id is None and numbered:
        number = FILE if table.file_names is not None else ROW
    columns = (*asked, *(name for name in every if name not in arrays))
    numbers = rows if table.source_places is None else table.source_places[rows]
    return Carried(table, number, columns, rows, numbers + 1)


def _is_plain(values: Array) -> bool:
    """Whether a column has one number or text for each row."""
    if values.ndim != 1:
        return False
    return values.dtype.kind != "O" or not isinstance(
        next(iter(values), ""), (list, tuple, np.ndarray, dict)
    )
