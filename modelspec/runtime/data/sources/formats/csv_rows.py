"""The rows of a CSV file as columns of strings: by Arrow if the file is simple enough, otherwise
record by record.
"""

from __future__ import annotations

import csv as python_csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.errors import Findings

from . import files
from .csv_cells import Cells
from .csv_dialect import separator_hint
from .csv_text import Record, Text, trimmed

Columns = dict[str, Any]
"""Arrow arrays by column, of equal length: strings, or numbers."""
_ROWS = 16_384
_MANY_COLUMNS = 4_096
"""With more columns, Arrow is slower than Python."""


@dataclass(frozen=True)
class Rows:
    """The rows of one file after its header."""

    text: Text
    names: tuple[str, ...]
    delimiter: str
    has_header: bool
    """Whether the first record names the columns."""
    surplus: int = 0
    """The number of cells in the first row beyond the last column."""

    def records(self) -> Iterator[Record]:
        """Every row with its line."""
        found = self.text.records(self.delimiter)
        if self.has_header:
            next(found)
        width = len(self.names)
        return (
            (line, record if len(record) <= width else trimmed(record, width))
            for line, record in found
        )

    @property
    def fillers(self) -> tuple[str, ...]:
        """Names of the surplus columns, which no file can have."""
        return tuple(f"\0{number}" for number in range(self.surplus))

    def batches(
        self, names: Sequence[str], cells: Cells, *, plain: bool, numbers: Collection[str]
    ) -> Iterator[Columns]:
        """Some columns, some rows at a time; those in `numbers` are numbers, if Arrow reads the
        file (`plain`).

        Raises `Fault`, or `pyarrow.ArrowInvalid` when Arrow reads.
        """
        return self._by_arrow(names, cells, numbers) if plain else self._by_python(names)

    def is_plain(self) -> bool:
        """Whether Arrow and Python read the file alike: its quotes are in regular places, and its
        line ends are standard.
        """
        text = self.text
        if text.lone_returns or len(self.names) > _MANY_COLUMNS or not self.delimiter.isascii():
            return False
        return not self._has_quotes or (
            text.body is not None and _well_quoted(text.body, self.delimiter)
        )

    @property
    def _has_quotes(self) -> bool:
        """Whether rows may have quotes: those of a header do not matter to Arrow."""
        return self.text.quotes_below if self.has_header else self.text.quotes

    def line(self, index: int) -> int:
        """The line in which a row starts."""
        return next(line for row, (line, _) in enumerate(self.records()) if row == index)

    def check(self, span: Any) -> None:
        """Checks every row. Raises `DataError` (MS602) and `Fault` (MS602,
        MS604).
        """
        found, first = Findings(), None
        width = len(self.names)
        columns = "1 column" if width == 1 else f"{width} columns"
        for line, record in self.records():
            first = first or record
            if len(record) != width:
                found.error(
                    "MS602",
                    f"{self.text.shown}:{line} has {_cells(len(record))}, expected {columns}",
                    span,
                    help=self._hint(record) if found.ok else None,
                )
        found.stop_if_wrong()
        if first is None:
            raise Fault("MS604", f"`{self.text.shown}` has a header but no rows")
        hint = separator_hint(self.names, first, self.delimiter) if width == 1 else None
        if hint:
            raise Fault(
                "MS602", f"`{self.text.shown}` has one column, named `{self.names[0]}`", help=hint
            )

    def _hint(self, record: list[str]) -> str:
        """The fix for a row with another number of cells."""
        if hint := separator_hint(self.names, record, self.delimiter):
            return hint
        if not self.has_header and len(record) - len(self.names) == self.surplus:
            return f"list all {len(record)} columns in `header`"
        return "quote cells that contain the delimiter"

    def _by_python(self, names: Sequence[str]) -> Iterator[Columns]:
        places = (
            [self.names.index(name) for name in names] if len(names) < len(self.names) else None
        )
        rows: list[list[str]] = []
        for _, record in self.records():
            rows.append(record if places is None else [record[place] for place in places])
            if len(rows) == _ROWS:
                yield _columns(names, rows)
                rows = []
        if rows:
            yield _columns(names, rows)

    def _by_arrow(
        self, names: Sequence[str], cells: Cells, numbers: Collection[str]
    ) -> Iterator[Columns]:
        import pyarrow as pa
        from pyarrow import csv

        body = self.text.body
        read = csv.ReadOptions(
            column_names=[*self.names, *self.fillers],
            block_size=4 * files.CHUNK if body is not None else files.CHUNK,
        )
        parse = csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=self._has_quotes)
        types = {name: pa.float64() if name in numbers else pa.string() for name in names}
        convert = csv.ConvertOptions(
            column_types=types,
            include_columns=list(names),
            null_values=cells.missing_words,
            strings_can_be_null=False,
            check_utf8=False,
            decimal_point=cells.decimal,
        )
        with self.text.open() as file:
            if self.has_header:
                _skip_record(file)
            if body is not None:
                rest = pa.py_buffer(body).slice(file.tell())  # threads read it without the GIL
                table = csv.read_csv(pa.BufferReader(rest), read, parse, convert)
                yield {name: table.column(name).combine_chunks() for name in names}
                return
            for batch in csv.open_csv(file, read, parse, convert):
                if len(batch):
                    yield dict(zip(names, batch.columns, strict=True))

    def guess(self, cells: Cells) -> set[str]:
        """The columns that seem to be numbers, according to the first rows."""
        rows: list[list[str]] = []
        try:
            for _, record in islice(self.records(), 100):
                rows.append(record)  # the rows before a fault are enough
        except Fault:
            pass
        rows = [record for record in rows if len(record) == len(self.names)]
        columns = _columns(self.names, rows) if rows else {}
        return {name for name, column in columns.items() if cells.is_simple(column)}


def _columns(names: Sequence[str], rows: list[list[str]]) -> Columns:
    import pyarrow as pa

    return {
        name: pa.array(cells, pa.string())
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
    }


def longest_cell(columns: Columns) -> int:
    """The most bytes of a cell."""
    import pyarrow.compute as pc

    texts = [cells for cells in columns.values() if str(cells.type) == "string"]
    return max((pc.max(pc.binary_length(cells)).as_py() or 0 for cells in texts), default=0)


def too_long(columns: Columns) -> bool:
    """Whether a cell is longer than the limit of Python's reader."""
    return longest_cell(columns) > python_csv.field_size_limit()


def released(rows: Rows) -> Rows:
    """The same without the text, which is read again when a line is requested."""
    return replace(rows, text=replace(rows.text, body=None))


def _skip_record(file: Any) -> None:
    """Reads past the first record: its lines up to one that ends outside quotes, and empty lines
    before it.
    """
    inside = False
    while line := file.readline():
        inside ^= line.count(b'"') % 2 == 1
        if not inside and line.strip(b"\r\n"):
            return


def _well_quoted(body: bytes, delimiter: str) -> bool:
    """Whether every quote opens a cell, closes one, or is doubled inside one."""
    data = np.frombuffer(body, np.uint8)
    at = np.flatnonzero(data == ord('"'))
    if len(at) % 2:
        return False
    edges = np.zeros(256, bool)
    edges[[ord(delimiter), ord("\n"), ord("\r")]] = True
    opens, closes = at[::2], at[1::2]
    start = 3 if body[:3] == b"\xef\xbb\xbf" else 0
    before = data[np.maximum(opens - 1, 0)]
    after = data[np.minimum(closes + 1, len(data) - 1)]
    doubled = np.concatenate([[False], closes[:-1] + 1 == opens[1:]])
    opened = (opens == start) | edges[before] | doubled
    closed = (closes == len(data) - 1) | edges[after] | np.append(doubled[1:], False)
    return bool(opened.all() and closed.all())


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
