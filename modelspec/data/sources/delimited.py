"""`csv`: a table in a text file. What is not a table is told by the line it stands in."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ...diagnostics import Fault, Span, listed
from ..errors import DataError, Findings
from ..table import Array, Table
from . import read_bytes

_SEPARATORS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}


class DelimitedTable(Table):
    """Columns of a text file, as text until one is asked for: a column of which every cell is a number has numbers."""

    def __init__(
        self, path: str, names: tuple[str, ...], cells: list[tuple[str, ...]], lines: list[int], fingerprint: str,
        span: Span | None,
    ) -> None:
        super().__init__(path, names, fingerprint, span)
        self._cells = dict(zip(names, cells, strict=True))
        self._lines = lines

    def read(self, name: str) -> Array:
        cells = self._cells[name]
        if any("_" in cell for cell in cells):  # Python reads `1_000` as a number; tables do not mean that
            return _texts(cells)
        try:
            numbers = np.array(cells, dtype=np.float64)
        except ValueError:
            return _texts(cells)
        return _texts(cells) if np.isnan(numbers).any() else numbers  # the word `nan` stands for nothing

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{self.name}:{self._lines[index[0]]}"


def _texts(cells: tuple[str, ...]) -> Array:
    return np.array([cell.strip() for cell in cells], dtype=object)


def open_table(source: Any, path: Path | None, span: Span | None) -> DelimitedTable:
    """The table of a `csv` source. Raises `Fault` or `DataError`."""
    assert path is not None
    raw = read_bytes(path, source.path)
    text = _decode(raw, source.path)
    records = _records(text, source, span)
    header = _header(records, source)
    lines, rows = _rows(records, header, source, text, span)
    cells = list(zip(*rows, strict=True))
    return DelimitedTable(source.path, header, cells, lines, sha256(raw).hexdigest(), span)


def _decode(raw: bytes, path: str) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Fault("MS603", f"`{path}` is UTF-16", help="save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Fault("MS603", f"{path}:{line} is not UTF-8: byte 0x{raw[error.start]:02x}",
                    help="save it as UTF-8, e.g. `iconv -f latin1 -t utf-8`") from None
    if (nul := text.find("\0")) >= 0:
        raise Fault("MS603", f"{path}:{text.count(chr(10), 0, nul) + 1} has a NUL character",
                    help="is it a text file at all?")
    if not text.strip():
        raise Fault("MS604", f"`{path}` is empty")
    return text


def _records(text: str, source: Any, span: Span | None) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line in which it starts; empty lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError([_malformed(error, line, source.path).at(span)]) from None
        if record:
            yield line, record


def _malformed(error: csv.Error, line: int, path: str) -> Fault:
    said = str(error)
    if "field larger" in said:
        return Fault("MS602", f"{path}:{line} has a cell of more than {csv.field_size_limit():,} characters",
                     help="a quote that is never closed makes the rest of a file one cell")
    if "unexpected end" in said:
        return Fault("MS602", f"a quote that opens in the row at {path}:{line} is never closed",
                     help='write `""` for a quote inside quotes')
    if "expected after" in said:
        return Fault("MS602", f"{path}:{line} has text behind a closing quote",
                     help='write `""` for a quote inside quotes')
    return Fault("MS602", f"{path}:{line} cannot be read: {said}")


def _header(records: Iterator[tuple[int, list[str]]], source: Any) -> tuple[str, ...]:
    if source.header is not None:
        names, where = source.header, "`header`"
    else:
        line, names = next(records)
        where = f"{source.path}:{line}"
    names = tuple(name.strip() for name in names)
    if blank := [str(position) for position, name in enumerate(names, 1) if not name]:
        raise Fault("MS604", f"column {', '.join(blank[:10])} has no name in {where}", help="name every column")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Fault("MS604", f"{where} names {listed(twice[:10])} twice", help="give each column a name of its own")
    if source.header is None and _all_numbers(names):
        raise Fault("MS604", f"the first line of `{source.path}` names the columns, but it is made of numbers",
                    help="where it is an example already, name the columns: `csv: {path: ..., header: [a, b]}`")
    return names


def _all_numbers(names: tuple[str, ...]) -> bool:
    """Whether names look like a row of a table; columns counted from 0 or 1 do not."""
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return False
    return numbers != list(range(len(names))) and numbers != list(range(1, len(names) + 1))


def _rows(
    records: Iterator[tuple[int, list[str]]], header: tuple[str, ...], source: Any, text: str, span: Span | None
) -> tuple[list[int], list[list[str]]]:
    width = len(header)
    lines: list[int] = []
    rows: list[list[str]] = []
    found = Findings()
    for line, record in records:
        if len(record) == width:
            lines.append(line)
            rows.append(record)
        else:
            found.error("MS602", f"{source.path}:{line} has {_cells(len(record))}, but there are {width} columns", span,
                        help=None if not found.ok else _separator_hint(header, record, source.delimiter)
                        or "put a cell that holds the delimiter in quotes")
    found.stop_if_wrong()
    if not rows:
        raise Fault("MS604", f"`{source.path}` has a header but no rows")
    hint = _separator_hint(header, rows[0], source.delimiter) if width == 1 else None
    if hint:
        raise Fault("MS602", f"`{source.path}` has one column, named `{header[0]}`", help=hint)
    return lines, rows


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _separator_hint(header: tuple[str, ...], record: list[str], delimiter: str) -> str | None:
    """What to write where the file seems to have another delimiter: it stands in the only cell there is."""
    if len(header) > 1:
        return None
    for mark, words in _SEPARATORS.items():
        if mark != delimiter and header[0].count(mark) and mark in delimiter.join(record):
            shown = "\\t" if mark == "\t" else mark
            return f'the cells seem to be separated by {words}: write `csv: {{path: ..., delimiter: "{shown}"}}`'
    return None
