"""`csv`: tables in text files. Each is looked through once, then read as a whole, or in passes
where it is large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from modelspec.catalog.sources.csv import csv
from modelspec.core.diagnostics import Diagnostic, Fault, Span
from modelspec.core.settings import Context

from ..table import Array, Table
from .formats import files
from .formats.csv_cells import Cells, Kind, has_text, loses_digits
from .formats.csv_dialect import delimiter_of, read_header
from .formats.csv_rows import Columns, Rows, released, too_long
from .formats.csv_text import scan_text

_RANK: dict[Kind | None, int] = {None: 0, "whole": 1, "number": 2, "text": 3}


class _Part:
    """One file, and all of its columns where it is small."""

    def __init__(self, rows: Rows, cells: Cells, span: Span | None, *, small: bool) -> None:
        self.plain = rows.is_plain()
        self.rows = rows
        self._values = cells
        self._numbers = rows.guess(cells) if self.plain else set()
        self.columns: Columns | None = None
        self.count = self._load(span, small=small)
        self.rows = released(rows)

    def _load(self, span: Span | None, *, small: bool) -> int:
        """Counts the rows, and keeps the cells of a small file. Raises `Fault` or `DataError`
        (MS602, MS604).
        """
        import pyarrow as pa

        for numbers in (self._numbers, set()) if self.plain else ():
            self._numbers = numbers
            try:
                return self._by_arrow(small=small)
            except _Unfit:
                break
            except pa.ArrowInvalid:  # a number that is none further down, or a row that is none
                continue
        self.plain, self._numbers = False, set()
        self.rows.check(span)
        if small:
            return self._keep_records()
        return sum(len(columns[self.rows.names[0]]) for columns in self._read(self.rows.names[:1]))

    def _by_arrow(self, *, small: bool) -> int:
        count, large = 0, set()
        names = self.rows.names
        for columns in self._without_surplus(self._read((*names, *self.rows.fillers))):
            large |= {name for name in self._numbers if loses_digits(columns[name])}
            count += len(columns[names[0]])
            if small:
                self.columns = columns
        if not count or len(names) == 1:
            raise _Unfit  # to be looked at more closely
        for name in large:
            self.as_text(name)
        return count

    def _without_surplus(self, batches: Iterator[Columns]) -> Iterator[Columns]:
        """The columns alone. Raises `_Unfit` where a cell beyond them, or a cell that is too long,
        is to be reported.
        """
        for columns in batches:
            beyond = [columns.pop(name) for name in self.rows.fillers]
            if too_long(columns) or any(map(has_text, beyond)):
                raise _Unfit
            yield columns

    def _keep_records(self) -> int:
        cells = list(zip(*(record for _, record in self.rows.records()), strict=True))
        self.columns = dict(zip(self.rows.names, cells, strict=True))
        return len(cells[0])

    def _read(self, names: Sequence[str]) -> Iterator[Columns]:
        return self.rows.batches(names, self._values, plain=self.plain, numbers=self._numbers)

    def as_text(self, name: str) -> None:
        """From now on the cells of a column are text, where they were read as numbers."""
        if name in self._numbers:
            self._numbers.remove(name)
            if self.columns is not None:
                self.columns[name] = _chained([batch[name] for batch in self._read((name,))])

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        if self.columns is None:
            yield from self._read(names)
        else:
            yield {name: self._cells(name) for name in names}

    def _cells(self, name: str) -> Any:
        import pyarrow as pa

        assert self.columns is not None
        if isinstance(self.columns[name], tuple):
            self.columns[name] = pa.array(self.columns[name], pa.string())
        return self.columns[name]


def _chained(arrays: list[Any]) -> Any:
    import pyarrow as pa

    return pa.concat_arrays(arrays)


class _Unfit(Exception):
    """Arrow reads the file, but not as it is meant to be read."""


class CsvTable(Table):
    """Columns of text files: a column of which every cell is a number, or has no value, has
    numbers.
    """

    marks = True

    def __init__(
        self, name: str, parts: list[_Part], cells: Cells, fingerprint: str, span: Span | None
    ) -> None:
        names = parts[0].rows.names
        super().__init__(name, tuple(one for one in names if one), fingerprint, span)
        if not all(names):
            self.warnings = (
                Diagnostic(
                    "MS604",
                    "warning",
                    f"column 1 of {name} has no name and is left out",
                    span,
                    (),
                    "name it where it holds more than the numbers of the rows",
                ),
            )
        self._parts = parts
        self._cells = cells
        self._kinds: dict[str, Kind] = {}

    @property
    def count(self) -> int:
        return sum(part.count for part in self._parts)

    @property
    def size_hint(self) -> int:
        return 8 * self.count * len(self.names)

    def read(self, name: str) -> Array:
        kind = self._kind(name)
        return np.concatenate(
            [
                self._cells.values(columns[name], kind)
                for part in self._parts
                for columns in part.batches((name,))
            ]
        )

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        self._find_kinds(names)
        for part in self._parts:
            for columns in part.batches(names):
                count = len(columns[names[0]]) if names else 0
                for start in range(0, count, rows):
                    yield {
                        name: self._cells.values(
                            columns[name].slice(start, rows), self._kinds[name]
                        )
                        for name in names
                    }

    def _kind(self, name: str) -> Kind:
        self._find_kinds((name,))
        return self._kinds[name]

    def _find_kinds(self, names: Sequence[str]) -> None:
        """What columns are is what their cells are in all files; those of large files are found
        together.
        """
        if all(name in self._kinds for name in names):
            return
        large = any(part.columns is None for part in self._parts)
        wanted = self.names if large else names
        found = self._kinds_of([name for name in wanted if name not in self._kinds])
        self._kinds.update(found)
        for name in found:
            for part in self._parts if found[name] != "number" else ():
                part.as_text(name)

    def _kinds_of(self, names: Sequence[str]) -> dict[str, Kind]:
        """What columns hold, in one pass over all files."""
        found: dict[str, Kind | None] = dict.fromkeys(names)
        for part in self._parts:
            for columns in part.batches(names):
                for name, cells in columns.items():
                    if found[name] != "text":
                        found[name] = _wider(found[name], self._cells.kind(cells))
        return {name: kind or "text" for name, kind in found.items()}

    def place(self, name: str, index: tuple[int, ...]) -> str:
        row = index[0]
        for part in self._parts:
            if row < part.count:
                return f"{part.rows.text.shown}:{part.rows.line(row)}"
            row -= part.count
        raise IndexError(index)


def _wider(one: Kind | None, other: Kind | None) -> Kind | None:
    return one if _RANK[one] >= _RANK[other] else other


def open_table(source: Any, context: Context, span: Span | None) -> CsvTable:
    """The table of a `csv` source. Raises `Fault` or `DataError`."""
    parts: list[_Part] = []
    found = files.locate_all(source.path, context)
    left, cells = files.IN_MEMORY, Cells(source)
    for one in found:
        rows = _rows(one, source)
        _same_columns(rows, parts)
        left -= rows.text.size
        parts.append(_Part(rows if left >= 0 else released(rows), cells, span, small=left >= 0))
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


def _rows(one: files.Found, source: csv) -> Rows:
    text = scan_text(one)
    delimiter = delimiter_of(text, source)
    found = text.records(delimiter)
    names = read_header(found, source, one.shown)
    with suppress(Fault):  # reported where all rows are read
        return Rows(
            text,
            names,
            delimiter,
            source.header is None,
            max(0, len(next(found, (0, []))[1]) - len(names)),
        )
    return Rows(text, names, delimiter, source.header is None)


def _same_columns(rows: Rows, before: list[_Part]) -> None:
    """Raises `Fault` (MS640) where a file has other columns than the first."""
    if not before:
        return
    first = before[0].rows
    if rows.names != first.names:
        files.differ(first.text.shown, first.names, rows.text.shown, rows.names)
