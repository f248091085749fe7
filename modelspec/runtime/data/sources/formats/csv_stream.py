"""A CSV file as UTF-8 without comments, whatever its encoding: the text that is scanned and
read.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from modelspec.catalog.sources.csv import csv
from modelspec.core.diagnostics import Fault

from . import files

PIECE = files.CHUNK
"""Bytes that are decoded at once."""
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)")
"""Whole lines, with their ends."""
_SEPARATORS = ",;\t|"
"""The possible delimiters if none is given."""


class Stored(NamedTuple):
    """A file, and its conversion to UTF-8 text without comments."""

    found: files.Found
    encoding: str | None = None
    """The encoding, unless it is UTF-8."""
    comment: str | None = None
    delimiter: str | None = None

    @classmethod
    def of(cls, found: files.Found, source: csv) -> Stored:
        """With the settings of a source."""
        utf8 = codecs.lookup(source.encoding).name in ("utf-8", "utf-8-sig")
        encoding = None if utf8 else source.encoding
        return cls(found, encoding, source.comment, source.delimiter)

    @property
    def as_it_is(self) -> bool:
        """Whether its bytes are read unchanged."""
        return self.encoding is None and self.comment is None

    def open(self) -> BinaryIO:
        """UTF-8 text without comments. Reading raises the errors of `files.open_plain`, and `Fault`
        (MS603) for bytes that are invalid in the encoding.
        """
        file = files.open_plain(self.found.path)
        if self.as_it_is:
            return file
        return cast(BinaryIO, io.BufferedReader(_Converted(self, file), files.CHUNK))

    def texts(self, file: BinaryIO) -> Iterator[str]:
        """The text of the file without comments, piece by piece."""
        decoded = self._decoded(file)
        return decoded if self.comment is None else _Comments(self).left_out(decoded)

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        # Invalid UTF-8 passes unchanged: the scan reports its line.
        plain, line = self.encoding is None, 1
        decoder: Any = codecs.getincrementaldecoder(self.encoding or "utf-8")(
            "surrogateescape" if plain else "strict"
        )
        while True:
            data = file.read(PIECE)
            try:
                text = decoder.decode(data, not data)
            except UnicodeError as error:
                raise self._no_text(error, line) from None
            line += text.count("\n")
            if text:
                yield text
            if not data:
                return

    def _no_text(self, error: UnicodeError, line: int) -> Fault:
        byte = ""
        if isinstance(error, UnicodeDecodeError):
            before = error.object[: error.start].decode(self.encoding or "utf-8", "ignore")
            line += before.count("\n")
            byte = f": byte 0x{error.object[error.start]:02x}"
        return Fault(
            "MS603",
            f"{self.found.shown}:{line} is not {self.encoding}{byte}",
            help="set the `encoding` of the file in `csv`, or save it as UTF-8",
        )


class _Converted(io.RawIOBase):
    """A file that is read through `Stored.texts`."""

    def __init__(self, stored: Stored, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._texts = stored.texts(file)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            text = next(self._texts, None)
            if text is None:
                return 0
            self._left = memoryview(text.encode("utf-8", "surrogateescape"))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Comments:
    """Removes comments: from the mark, outside quotes, to the end of its line. The line itself
    stays, so that line numbers are those of the file.
    """

    def __init__(self, stored: Stored) -> None:
        assert stored.comment is not None
        self._mark = stored.comment
        self._separators = stored.delimiter or _SEPARATORS
        self._either = re.compile(f'[{re.escape(stored.comment)}"]')
        self._inside = False
        """Whether the next character is inside quotes."""

    def left_out(self, texts: Iterator[str]) -> Iterator[str]:
        rest = ""
        for text in texts:
            rest += text
            # A return at the end may be the first half of a line end.
            end = max(rest.rfind("\n"), rest.rfind("\r", 0, len(rest) - 1)) + 1
            if end:
                yield "".join(map(self._line, _LINES.findall(rest[:end])))
                rest = rest[end:]
        if rest:
            yield "".join(map(self._line, re.findall(r"[^\r\n]+\r?|\r", rest)))

    def _line(self, line: str) -> str:
        at = self._start(line)
        if at is None:
            return line
        kept = line[:at] if line[:at].strip() else ""
        if " " not in self._separators:  # cells are trimmed, but text after a quote is an error
            kept = kept.rstrip(" ")
        return kept + line[len(line.rstrip("\r\n")) :]

    def _start(self, line: str) -> int | None:
        """Where the comment of a line begins; None without a comment."""
        at = 0
        while True:
            if self._inside:
                at = line.find('"', at) + 1
                if not at:
                    return None
                if line.startswith('"', at):
                    at += 1
                    continue
                self._inside = False
            found = self._either.search(line, at)
            if found is None:
                return None
            at = found.start()
            if found[0] == self._mark:
                return at
            self._inside = at == 0 or line[at - 1] in self._separators
            at += 1
