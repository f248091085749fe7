"""A CSV table without the rows whose number of cells is not the number of columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelspec.core.settings import Context
from modelspec.runtime.data.skipped_rows import SkippedRows

from .. import csv
from . import files
from .csv_cells import Cells
from .csv_part import Part
from .csv_rows import Rows
from .csv_text import Record


@dataclass(frozen=True)
class _WholeRows(Rows):
    """The rows with one cell per column, read record by record."""

    def records(self) -> Iterator[Record]:
        width = len(self.names)
        return (one for one in super().records() if len(one[1]) == width)

    def is_plain(self) -> bool:
        return False


def open_lenient(source: Any, context: Context, skipped: SkippedRows) -> csv.CsvTable:
    """The table of a `csv` source; rows with another number of cells are noted in `skipped`. Raises
    `Fault` or `DataError` for problems of a whole file.
    """
    found = files.locate_all(source.path, context)
    cells, parts, places, start = Cells(source), [], [], 0
    for one in found:
        rows = csv.rows_of(one, source)
        kept, count = _noted(rows, start, skipped)
        if count and not len(kept):
            raise skipped.none_left(one.shown)
        if len(kept) < count:
            rows = _WholeRows(rows.text, rows.names, rows.delimiter, rows.has_header)
        places.append(kept + start)
        start += count
        parts.append(Part(rows, cells, None, small=rows.text.size <= files.IN_MEMORY))
    table = csv.table_of(source, found, parts, cells, None)
    table.source_places = np.concatenate(places)
    return table


def _noted(rows: Rows, start: int, skipped: SkippedRows) -> tuple[Any, int]:
    """The rows with one cell per column, and the total number of rows."""
    width, count, kept = len(rows.names), 0, []
    for line, record in rows.records():
        if len(record) == width:
            kept.append(count)
        else:
            place = f"{rows.text.shown}:{line}"
            cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
            columns = "1 column" if width == 1 else f"{width} columns"
            skipped.add(start + count + 1, place, f"{place} has {cells}, expected {columns}")
        count += 1
    return np.array(kept, dtype=np.int64), count
