"""`csv`: tables in text files. Each file is scanned once, then read as a whole, or in passes if it
is large.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.core.diagnostics import Diagnostic, Fault, Span
from modelspec.core.settings import Context

from ..cells import Numbers
from ..number_help import number_help
from ..table import Array, Table
from .formats import files
from .formats.csv_cells import Cells, Kind, Look, Whole
from .formats.csv_dialect import delimiter_of, read_header
from .formats.csv_part import Part
from .formats.csv_rows import Rows, released
from .formats.csv_stream import Stored
from .formats.csv_text import scan_text


class CsvTable(Table):
    """Columns of text files. The feature that reads a column sets its type: strings, or numbers if
    every cell is a number or has no value.
    """

    marks = True
    as_written = True

    def __init__(
        self, name: str, parts: list[Part], cells: Cells, fingerprint: str, span: Span | None
    ) -> None:
        names = parts[0].rows.names
        super().__init__(name, tuple(one for one in names if one), fingerprint, span)
        if not all(names):
            self.warnings = (
                Diagnostic(
                    "MS604",
                    "warning",
                    f"column 1 of {name} has no name and is ignored",
                    span,
                    (),
                    "name it if it contains more than row numbers",
                ),
            )
        self._parts = parts
        self._cells = cells
        self.decimal, self.thousands = cells.decimal, cells.thousands
        self._kinds: dict[str, Kind] = {}

    @property
    def count(self) -> int:
        return sum(part.count for part in self._parts)

    @property
    def size_hint(self) -> int:
        return 8 * self.count * len(self.names)

    def read(self, name: str) -> Array:
        self._find_kinds((name,))
        return self._read_as(name, self._kinds[name])

    def read_text(self, name: str) -> Array:
        return self._read_as(name, "text")

    def _read_as(self, name: str, kind: Kind) -> Array:
        if kind != "number":
            self._as_text((name,))
        return np.concatenate(
            [
                self._cells.values(columns[name], kind)
                for part in self._parts
                for columns in part.batches((name,))
            ]
        )

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        return self.read_blocks_of(names, rows, frozenset())

    def read_blocks_of(
        self, names: Sequence[str], rows: int, texts: Collection[str]
    ) -> Iterator[dict[str, Array]]:
        self._find_kinds([name for name in names if name not in texts])
        kinds: dict[str, Kind] = {
            name: "text" if name in texts else self._kinds[name] for name in names
        }
        self._as_text([name for name in names if kinds[name] != "number"])
        for part in self._parts:
            for columns in part.batches(names):
                count = len(columns[names[0]]) if names else 0
                for start in range(0, count, rows):
                    yield {
                        name: self._cells.values(columns[name].slice(start, rows), kinds[name])
                        for name in names
                    }

    def _as_text(self, names: Sequence[str]) -> None:
        for name in names:
            for part in self._parts:
                part.as_text(name)

    def _find_kinds(self, names: Sequence[str]) -> None:
        """The kinds of columns, by their cells in all files; large files are examined together."""
        if all(name in self._kinds for name in names):
            return
        large = any(part.columns is None for part in self._parts)
        wanted = self.names if large else names
        found = self._looks([name for name in wanted if name not in self._kinds])
        whole = self._wholes([name for name, look in found.items() if look.large])
        self._kinds.update(
            {name: whole.get(name) or look.kind or "text" for name, look in found.items()}
        )

    def _looks(self, names: Sequence[str]) -> dict[str, Look]:
        """The kinds of columns, in one pass over all files."""
        found = dict.fromkeys(names, Look(None))
        for part in self._parts if names else ():
            for columns in part.batches(names):
                for name, cells in columns.items():
                    if found[name].kind != "text":
                        found[name] |= self._cells.look(cells)
        return found

    def _wholes(self, names: Sequence[str]) -> dict[str, Kind]:
        """The kinds of columns with large numbers, in another pass."""
        self._as_text(names)
        found = dict.fromkeys(names, Whole(signed=True, unsigned=True, lost=False))
        for part in self._parts if names else ():
            for columns in part.batches(names):
                for name, cells in columns.items():
                    found[name] &= self._cells.whole(cells)
        return {name: one.kind for name, one in found.items()}

    def numbers(self, texts: Array) -> Numbers:
        found = self._cells.numbers(texts.ravel())
        return Numbers(*(one.reshape(texts.shape) for one in found))

    def number_help(self, cells: Sequence[str]) -> str | None:
        return number_help(cells, decimal=self._cells.decimal, settings="csv")

    def written_whole(self, name: str) -> Array:
        return np.concatenate(
            [self._cells.written_whole(cells) for part in self._parts for cells in part.cells(name)]
        )

    def places_of(self, rows: Sequence[int]) -> list[str]:
        """The places of rows, which are given in order, found in one pass."""
        found, wanted, start = [], iter(rows), 0
        row = next(wanted, None)
        for part in self._parts:
            if row is not None and row < start + part.count:
                for at, (line, _) in enumerate(part.rows.records(), start):
                    if at == row:
                        found.append(f"{part.rows.text.shown}:{line}")
                        row = next(wanted, None)
            start += part.count
        return found

    def place(self, name: str, index: tuple[int, ...]) -> str:
        row = index[0]
        for part in self._parts:
            if row < part.count:
                return f"{part.rows.text.shown}:{part.rows.line(row)}"
            row -= part.count
        raise IndexError(index)


def open_table(source: Any, context: Context, span: Span | None) -> CsvTable:
    """The table of a `csv` source. Raises `Fault` or `DataError`."""
    parts: list[Part] = []
    found = files.locate_all(source.path, context)
    left, cells = files.IN_MEMORY, Cells(source)
    for one in found:
        rows = rows_of(one, source)
        _same_columns(rows, parts)
        left -= rows.text.size
        parts.append(Part(rows if left >= 0 else released(rows), cells, span, small=left >= 0))
    return table_of(source, found, parts, cells, span)


def table_of(
    source: Any, found: list[files.Found], parts: list[Part], cells: Cells, span: Span | None
) -> CsvTable:
    """The table of scanned files."""
    prints = [part.rows.text.fingerprint for part in parts]
    return CsvTable(
        _name(source.path, found),
        parts,
        cells,
        prints[0] if len(prints) == 1 else files.fingerprint_of_all(prints),
        span,
    )


def _name(path: str | tuple[str, ...], found: list[files.Found]) -> str:
    return found[0].shown if len(found) == 1 else files.name_of(path)


def rows_of(one: files.Found, source: csv) -> Rows:
    """The rows of a file after its header. Raises `Fault`."""
    text = scan_text(Stored.of(one, source))
    delimiter = delimiter_of(text, source)
    found = text.records(delimiter)
    names = read_header(found, source, one.shown)
    with suppress(Fault):  # reported when all rows are read
        return Rows(
            text,
            names,
            delimiter,
            source.header is None,
            max(0, len(next(found, (0, []))[1]) - len(names)),
        )
    return Rows(text, names, delimiter, source.header is None)


def _same_columns(rows: Rows, before: list[Part]) -> None:
    """Raises `Fault` (MS640) if a file has other columns than the first."""
    if not before:
        return
    first = before[0].rows
    if rows.names != first.names:
        files.differ(first.text.shown, first.names, rows.text.shown, rows.names)
