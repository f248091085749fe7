"""`jsonl`: one JSON object per line. Problems are reported with their line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NoReturn

import numpy as np

from modelspec.catalog.sources.jsonl import jsonl
from modelspec.core.diagnostics import Fault, Span

from ..errors import Findings
from ..python_values import Shape, Values
from ..table import Array, Table
from .formats import files

Row = dict[str, Any]


class JsonLinesTable(Table):
    """Columns of a file of JSON objects; those of a small file are kept, a large one is read again
    for each pass.
    """

    def __init__(
        self,
        found: files.Found,
        scan: _Scan,
        span: Span | None,
        without: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(found.shown, tuple(scan.shapes), scan.digest.hexdigest(), span)
        self._found, self._without = found, without
        self._shapes = scan.shapes
        self._count = scan.count
        self._size = scan.size
        self._rows = scan.kept

    @property
    def count(self) -> int:
        return self._count

    @property
    def size_hint(self) -> int:
        return self._size

    def read(self, name: str) -> Array:
        values = self._maker(name)
        rows = self._rows if self._rows is not None else (row for _, row in self._each())
        return values.array([row.get(name) for row in rows])

    def _each(self) -> Iterator[tuple[int, Row]]:
        return _rows(self._found, without=self._without)

    def places_of(self, rows: Sequence[int]) -> list[str]:
        """The places of rows, which are given in order, found in one pass."""
        wanted = set(rows)
        lines = (line for row, (line, _) in enumerate(self._each()) if row in wanted)
        return [f"{self.name}:{line}" for line in lines]

    def _maker(self, name: str) -> Values:
        return Values(self._shapes[name], name, self.name, lambda line: f"{self.name}:{line}")

    def tells_whole(self, name: str) -> bool:
        shape = self._shapes[name]
        return shape.kind == "a number" and (shape.floats or shape.nulls)

    def written_whole(self, name: str) -> Array:
        rows = self._rows if self._rows is not None else (row for _, row in self._each())
        return np.array([type(row.get(name)) is int for row in rows], bool)

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if self._rows is not None:
            yield from super().read_blocks(names, rows)
            return
        makers = {name: self._maker(name) for name in names}
        for block in _in_blocks((row for _, row in self._each()), rows):
            yield {
                name: maker.array([row.get(name) for row in block])
                for name, maker in makers.items()
            }

    def place(self, name: str, index: tuple[int, ...]) -> str:
        line = next(line for row, (line, _) in enumerate(self._each()) if row == index[0])
        return f"{self.name}:{line}{f' {list(index[1:])}' if index[1:] else ''}"


def _in_blocks(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


class _Scan:
    """The result of one pass over a file: the columns, their shapes, the number of rows."""

    def __init__(self, absent: bool, shown: str, span: Span | None) -> None:
        self.absent = absent
        self.shown = shown
        self.span = span
        self.shapes: dict[str, Shape] = {}
        self.count = self.size = 0
        self.digest = sha256()
        self.kept: list[Row] | None = []
        self.findings = Findings()

    def read(self, raw: bytes) -> None:
        """Adds a line of the file."""
        self.digest.update(raw)
        self.size += len(raw)
        if self.size > files.IN_MEMORY:
            self.kept = None

    def add(self, line: int, row: Row) -> None:
        """Adds the object of a line."""
        if not self.count:
            self.shapes = {name: Shape() for name in row}
        elif row.keys() != self.shapes.keys():
            self._other_keys(line, row)
        shapes = self.shapes
        for name, value in row.items():
            if type(value) is float and shapes[name].floats:
                continue  # most values: nothing is new about them
            if (wrong := shapes[name].add(value, line)) is not None:
                self.findings.error(
                    "MS653",
                    f"`{name}` {wrong} at {self.shown}:{line}",
                    self.span,
                    help="all values of a column must have the same type",
                )
        self.count += 1
        if self.kept is not None:
            self.kept.append(row)

    def _other_keys(self, line: int, row: Row) -> None:
        """Keys that only some objects have: missing values, or faults."""
        new = [name for name in row if name not in self.shapes]
        lacking = [name for name in self.shapes if name not in row]
        for name in lacking:
            self.shapes[name].nulls = True
        if self.absent:
            self.shapes.update({name: Shape(nulls=True) for name in new})
            return
        for name in new:
            self._report(f"{self.shown}:{line} has a key `{name}`, which the first object lacks")
            del row[name]
        for name in lacking:
            self._report(f"{self.shown}:{line} has no `{name}`")

    def _report(self, message: str) -> None:
        self.findings.error(
            "MS602",
            message,
            self.span,
            help="write `null` for a missing value, or set `jsonl: {path: ..., absent: true}`",
        )


def open_file(
    source: jsonl,
    found: files.Found,
    span: Span | None,
    without: frozenset[int] = frozenset(),
) -> JsonLinesTable:
    """The table of a file, `without` some of its lines. Raises `Fault` or `DataError`: MS601 to
    MS604, MS642, MS653.
    """
    scan = _Scan(source.absent, found.shown, span)
    for line, row in _rows(found, scan, without):
        scan.add(line, row)
    scan.findings.stop_if_wrong()
    if not scan.count:
        raise Fault("MS604", f"`{found.shown}` is empty")
    if not scan.shapes:
        raise Fault("MS604", f"the objects of `{found.shown}` have no keys")
    return JsonLinesTable(found, scan, span, without)


def _rows(
    found: files.Found, scan: _Scan | None = None, without: frozenset[int] = frozenset()
) -> Iterator[tuple[int, Row]]:
    """Every object with its line, except for the lines `without`; `scan` gets the bytes that are
    read. Raises `Fault`.
    """
    for line, raw in lines(found):
        if scan is not None:
            scan.read(raw)
        if line not in without and (row := row_of(raw, line, found.shown)) is not None:
            yield line, row


def lines(found: files.Found) -> Iterator[tuple[int, bytes]]:
    """Every line by its number, as stored in the file. Raises `Fault`."""
    found.unchanged()
    try:
        with files.open_plain(found.path) as file:
            yield from enumerate(files.lines_of(file, found.shown), 1)
    except files.UNREADABLE as error:
        raise files.unreadable(found.shown, error) from None


def row_of(raw: bytes, line: int, shown: str) -> Row | None:
    """The object of a line of the file that messages call `shown`; None for an empty line. Raises
    `Fault` (MS602, MS603).
    """
    if line == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    place = f"{shown}:{line}"
    text = _decode(raw, place)
    return _parse(text, _DECODER, place) if text else None


def _decode(raw: bytes, place: str) -> str:
    try:
        return raw.decode().strip()
    except UnicodeDecodeError as error:
        if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise Fault("MS603", f"{place} is UTF-16", help="save it as UTF-8") from None
        raise Fault(
            "MS603",
            f"{place} is not UTF-8: byte 0x{raw[error.start]:02x}",
            help="save it as UTF-8, e.g. `iconv -f latin1 -t utf-8`",
        ) from None


def _parse(text: str, decoder: json.JSONDecoder, place: str) -> Row:
    try:
        row = _decoded(text, decoder)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            raise Fault(
                "MS602", f"the JSON at {place} is incomplete", help=_one_a_line(text)
            ) from None
        raise Fault(
            "MS602",
            f"{place} is not JSON: {error.msg} at column {error.pos + 1}",
            help=_one_a_line(text),
        ) from None
    except _TwiceError as error:
        raise Fault(
            "MS602",
            f"{place} has the key `{error}` twice",
            help="use each key once",
        ) from None
    except RecursionError:
        raise Fault("MS602", f"{place} is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise Fault("MS602", f"{place} cannot be read: {files.said(error)}") from None
    if "\\u" in text and "\\ud" in text.lower():
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Fault("MS603", f"{place} contains half a surrogate pair") from None
    if not isinstance(row, dict):
        raise Fault(
            "MS602",
            f"{place} is {_article(row)}, not an object",
            help='write `{"column": value, ...}`',
        )
    return row


def _decoded(text: str, decoder: json.JSONDecoder) -> Any:
    """What `decode` gives for a text without spaces around it, which it looks for twice."""
    row, end = decoder.raw_decode(text)
    return row if end == len(text) else decoder.decode(text)  # raises with the place


def _one_a_line(text: str) -> str:
    if text.startswith("[") or text == "{":
        return "write each object on one line, without commas or brackets between the lines"
    return "fix the line, or remove it"


def _article(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "`true` or `false`", type(None): "`null`"}
    return names.get(type(value), "a number")


class _TwiceError(Exception):
    """A key occurs twice in an object."""


def _object(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) < len(pairs):
        _raise_twice(pairs)
    return found


def _raise_twice(pairs: list[tuple[str, Any]]) -> NoReturn:
    seen: set[str] = set()
    raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
