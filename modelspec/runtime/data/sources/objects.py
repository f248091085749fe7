"""`jsonl`: one JSON object a line. What is wrong is told by its line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NoReturn

from modelspec.core.diagnostics import Fault, Span

from ..errors import Findings
from ..table import Array, Table
from . import files
from .python_values import Shape, Values

Row = dict[str, Any]


class ObjectTable(Table):
    """Columns of a file of JSON objects; those of a small file are kept, a large one is read again
    for each pass.
    """

    def __init__(self, found: files.Found, look: _Look, span: Span | None) -> None:
        super().__init__(found.shown, tuple(look.shapes), look.digest.hexdigest(), span)
        self._found = found
        self._shapes = look.shapes
        self._count = look.count
        self._size = look.size
        self._rows = look.kept

    @property
    def count(self) -> int:
        return self._count

    @property
    def size_hint(self) -> int:
        return self._size

    def read(self, name: str) -> Array:
        values = Values(self._shapes[name], name, self.name)
        rows = self._rows if self._rows is not None else (row for _, row in _rows(self._found))
        return values.array([row.get(name) for row in rows])

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        if self._rows is not None:
            yield from super().read_blocks(names, rows)
            return
        makers = {name: Values(self._shapes[name], name, self.name) for name in names}
        for block in _in_blocks((row for _, row in _rows(self._found)), rows):
            yield {
                name: maker.array([row.get(name) for row in block])
                for name, maker in makers.items()
            }

    def place(self, name: str, index: tuple[int, ...]) -> str:
        line = next(line for row, (line, _) in enumerate(_rows(self._found)) if row == index[0])
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


class _Look:
    """What one pass over a file finds: the columns, their shapes, the number of rows."""

    def __init__(self, absent: bool, shown: str) -> None:
        self.absent = absent
        self.shown = shown
        self.shapes: dict[str, Shape] = {}
        self.count = self.size = 0
        self.digest = sha256()
        self.kept: list[Row] | None = []
        self.findings = Findings()
        self.span: Span | None = None

    def at(self, line: int, row: Row) -> None:
        if row.keys() != self.shapes.keys():
            self._keys(line, row)
        for name, value in row.items():
            if (told := self.shapes[name].look(value, line)) is not None:
                self.findings.error(
                    "MS653",
                    f"`{name}` {told} at {self.shown}:{line}",
                    self.span,
                    help="a column holds one kind of values",
                )
        self.count += 1
        if self.kept is not None:
            self.kept.append(row)

    def _keys(self, line: int, row: Row) -> None:
        if not self.count:
            self.shapes = {name: Shape() for name in row}
            return
        new = [name for name in row if name not in self.shapes]
        lacking = [name for name in self.shapes if name not in row]
        for name in new:
            self.shapes[name] = Shape(nulls=True)
        for name in lacking:
            self.shapes[name].nulls = True
        if not self.absent:
            for name in new:
                self._told(
                    f"{self.shown}:{line} has a key `{name}`, which the first object has not"
                )
            for name in lacking:
                self._told(f"{self.shown}:{line} has no `{name}`")
            for name in new:
                del self.shapes[name], row[name]

    def _told(self, message: str) -> None:
        self.findings.error(
            "MS602",
            message,
            self.span,
            help="write `null` for a value that is missing, or `jsonl: {path: ..., absent: true}`",
        )


def open_file(source: Any, found: files.Found, span: Span | None) -> ObjectTable:
    """The table of a file. Raises `Fault` or `DataError`: MS601 to MS604, MS642, MS653."""
    look = _Look(source.absent, found.shown)
    look.span = span
    for line, row in _rows(found, look):
        look.at(line, row)
    look.findings.stop_if_wrong()
    if not look.count:
        raise Fault("MS604", f"`{found.shown}` is empty")
    if not look.shapes:
        raise Fault("MS604", f"the objects of `{found.shown}` have no keys")
    return ObjectTable(found, look, span)


def _rows(found: files.Found, look: _Look | None = None) -> Iterator[tuple[int, Row]]:
    """Every object with its line; `look` learns of the bytes that are read. Raises `Fault`."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    found.unchanged()
    try:
        with files.open_plain(found.path) as file:
            for line, raw in enumerate(files.lines_of(file, found.shown), 1):
                if look is not None:
                    look.digest.update(raw)
                    look.size += len(raw)
                    if look.size > files.IN_MEMORY:
                        look.kept = None
                if line == 1:
                    raw = raw.removeprefix(codecs.BOM_UTF8)
                if text := _decode(raw, f"{found.shown}:{line}"):
                    yield line, _parse(text, decoder, f"{found.shown}:{line}")
    except files.UNREADABLE as error:
        raise files.unreadable(found.shown, error) from None


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
        row = decoder.decode(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            raise Fault(
                "MS602", f"the JSON at {place} is cut short", help=_one_a_line(text)
            ) from None
        raise Fault(
            "MS602",
            f"{place} is no JSON: {error.msg} at column {error.pos + 1}",
            help=_one_a_line(text),
        ) from None
    except _TwiceError as error:
        raise Fault(
            "MS602",
            f"{place} has the key `{error}` twice",
            help="give every value a key of its own",
        ) from None
    except RecursionError:
        raise Fault("MS602", f"{place} is nested too deep") from None
    except ValueError as error:  # a number of thousands of digits
        raise Fault("MS602", f"{place} cannot be read: {files.said(error)}") from None
    if not isinstance(row, dict):
        raise Fault(
            "MS602",
            f"{place} is {_article(row)}, not an object",
            help='write `{"column": value, ...}`',
        )
    return row


def _one_a_line(text: str) -> str:
    if text.startswith("[") or text == "{":
        return (
            "every object stands in one line, without commas between them and brackets around them"
        )
    return "mend the line, or leave it out"


def _article(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "`true` or `false`", type(None): "`null`"}
    return names.get(type(value), "a number")


class _TwiceError(Exception):
    """A key stands twice in an object."""


def _object(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) < len(pairs):
        _raise_twice(pairs)
    return found


def _raise_twice(pairs: list[tuple[str, Any]]) -> NoReturn:
    seen: set[str] = set()
    raise _TwiceError(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
