"""The text of a CSV file: scanned once, and read record by record. Problems are reported with their
line.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from modelspec.core.diagnostics import Fault

from . import files
from .csv_stream import Stored

Record = tuple[int, list[str]]
"""The line in which a record starts, and its cells."""


@dataclass(frozen=True)
class Text:
    """A text file after a scan."""

    stored: Stored
    fingerprint: str
    size: int
    """In bytes, decompressed."""
    body: bytes | None
    """The whole file, if it is small enough."""
    bom: bool
    quotes: bool
    quotes_below: bool
    """Whether there are quotes below the first line."""
    lone_returns: bool
    """Whether lines end in a carriage return alone."""

    @property
    def shown(self) -> str:
        return self.stored.found.shown

    def open(self) -> BinaryIO:
        """The bytes after the byte order mark, as UTF-8 without comments."""
        if self.body is None:
            self.stored.found.unchanged()
        file = self.stored.open() if self.body is None else io.BytesIO(self.body)
        if self.bom:
            file.read(3)
        return file

    def records(self, delimiter: str) -> Iterator[Record]:
        """Every record that has cells. Raises `Fault` (MS602) for unbalanced quotes."""
        with self.open() as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            yield from records(text, delimiter, self.shown)

    def sample(self) -> tuple[str, bool]:
        """The first whole lines, up to about a megabyte, and whether that is the whole file."""
        with self.open() as file:
            data = file.read(files.CHUNK)
            whole = not file.read(1)
        if not whole:
            data = data[: data.rfind(b"\n") + 1] or data
        return data.decode(errors="ignore"), whole


def scan_text(stored: Stored) -> Text:
    """One pass over a file. Raises `Fault`: MS601, MS603, MS604, MS642."""
    path, shown = stored.found.path, stored.found.shown
    scan = _TextScan(stored)
    try:
        size = path.stat().st_size
        if size <= files.IN_MEMORY and stored.as_it_is and not files.is_gzip(path):
            scan.whole(path.read_bytes() if size else b"")
        else:
            with stored.open() as file:
                while chunk := file.read(files.CHUNK):
                    scan.at(chunk)
    except files.UNREADABLE as error:
        raise files.unreadable(shown, error) from None
    scan.end()
    return Text(
        stored,
        scan.digest.hexdigest(),
        scan.size,
        scan.body(),
        scan.start[:3] == codecs.BOM_UTF8,
        scan.quotes,
        scan.quotes_below,
        scan.lone_returns,
    )


class _TextScan:
    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.shown = stored.found.shown
        self.digest = sha256()
        self.size = 0
        self.start = b""
        self.quotes = self.quotes_below = self.lone_returns = False
        self._below = False
        """Whether the first line has ended."""
        self._in_first = 0
        """The number of quotes in the first line."""
        self.kept: list[bytes] | None = []
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = False
        self._open_line = 0
        """Bytes since the last line end."""
        self._last = b""

    def whole(self, data: bytes) -> None:
        """All of a file, which is kept as it is."""
        self.kept = None
        for start in range(0, len(data), files.CHUNK):
            self.at(data[start : start + files.CHUNK])
        self.kept = [data]

    def _find_quotes(self, chunk: bytes) -> None:
        self.quotes = self.quotes or b'"' in chunk
        if self._below:
            self.quotes_below = self.quotes_below or b'"' in chunk
            return
        first, end, below = chunk.partition(b"\n")
        self._in_first += first.count(b'"')
        self._below = bool(end)
        # An odd number: the first record ends in another line, or its quotes are irregular.
        self.quotes_below = b'"' in below or (self._below and self._in_first % 2 == 1)

    def body(self) -> bytes | None:
        """The bytes, if there are few enough."""
        if self.kept is None:
            return None
        return self.kept[0] if len(self.kept) == 1 else b"".join(self.kept)

    def at(self, chunk: bytes) -> None:
        if not self.size:
            self.start = chunk[:4]
            if chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise Fault(
                    "MS603",
                    f"`{self.shown}` is UTF-16",
                    help="write `csv: {path: ..., encoding: utf-16}`, or save it as UTF-8",
                )
        self._check(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)
        self._find_quotes(chunk)
        self._look_for_returns(chunk)
        end = chunk.rfind(b"\n")
        self._open_line = len(chunk) - 1 - end if end >= 0 else self._open_line + len(chunk)
        if self._open_line > files.LINE:
            raise files.long_line(self.shown, self._line(self.size + len(chunk)))
        if self.kept is not None:
            self.kept.append(chunk)
            if self.size > files.IN_MEMORY:
                self.kept = None

    def _look_for_returns(self, chunk: bytes) -> None:
        if not self.lone_returns and (self._last or b"\r" in chunk):
            joined = self._last + chunk
            self.lone_returns = joined[:-1].count(b"\r") != joined.count(b"\r\n")
        self._last = chunk[-1:] if chunk[-1:] == b"\r" else b""

    def _check(self, chunk: bytes) -> None:
        if (nul := chunk.find(b"\0")) >= 0:
            raise Fault(
                "MS603",
                f"{self.shown}:{self._line(self.size + nul)} has a NUL character",
                help=_instead(self.start) or "check that it is a text file",
            )
        pending = self._decoder.getstate()[0]
        if self._text and not pending and chunk.isascii():
            return
        try:
            text = self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            data = pending + chunk
            line = self._line(self.size - len(pending) + error.start)
            raise Fault(
                "MS603",
                f"{self.shown}:{line} is not UTF-8: byte 0x{data[error.start]:02x}",
                help=(
                    "set its encoding, e.g. `csv: {path: ..., encoding: cp1252}`, or save it"
                    " as UTF-8"
                ),
            ) from None
        self._text = self._text or bool(text.strip("\ufeff \t\r\n\v\f"))

    def _line(self, offset: int) -> int:
        """The line of a byte."""
        lines = 1
        with self.stored.open() as file:
            while offset > 0 and (chunk := file.read(min(offset, files.CHUNK))):
                lines += chunk.count(b"\n")
                offset -= len(chunk)
        return lines

    def end(self) -> None:
        if self._decoder.getstate()[0]:
            raise Fault(
                "MS603",
                f"{self.shown}:{self._line(self.size)} is not UTF-8: the last character is"
                " incomplete",
                help="copy the file again",
            )
        if not self._text:
            raise Fault("MS604", f"`{self.shown}` is empty")
        self.lone_returns = self.lone_returns or bool(self._last)


def _instead(start: bytes) -> str | None:
    """The fix for a file that is not text, by its first bytes."""
    known = {
        b"PK\3\4": "a zip archive or a spreadsheet: save its table as CSV",
        b"PAR1": "Parquet: write `parquet:`",
        b"ARRO": "Arrow: write `arrow:`",
        b"\x89HDF": "HDF5: write `hdf5:`",
        b"SQLi": "a database: export the table as CSV",
    }
    found = known.get(start)
    return found and f"it is {found}"


def records(text: Iterator[str] | io.TextIOBase, delimiter: str, shown: str) -> Iterator[Record]:
    """Every record with the line in which it starts; empty lines are skipped. Raises `Fault`
    (MS602).
    """
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _malformed(error, line, shown) from None
        if record:
            yield line, record


def trimmed(record: list[str], width: int) -> list[str]:
    """A record without the cells beyond a width, if all of these are empty. A table of one column
    may contain characters that are delimiters elsewhere: no cell is left out there.
    """
    return record if width < 2 or any(cell.strip() for cell in record[width:]) else record[:width]


def _malformed(error: csv.Error, line: int, path: str) -> Fault:
    said = str(error)
    if "field larger" in said:
        return Fault(
            "MS602",
            f"{path}:{line} has a cell of more than {csv.field_size_limit():,} characters",
            help="check for a quote that is never closed",
        )
    if "unexpected end" in said:
        return Fault(
            "MS602",
            f"a quote opened in the row at {path}:{line} is never closed",
            help='write `""` for a quote inside quotes',
        )
    if "expected after" in said:
        return Fault(
            "MS602",
            f"{path}:{line} has text after a closing quote",
            help='write `""` for a quote inside quotes',
        )
    return Fault("MS602", f"{path}:{line} cannot be read: {said}")
