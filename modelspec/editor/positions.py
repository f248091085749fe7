"""Offsets in a text, which the compiler counts in characters, and the positions of the protocol:
lines and columns from 0, columns in UTF-16 code units unless client and server agreed on another
unit.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import Final, Literal, NamedTuple

Unit = Literal["utf-8", "utf-16", "utf-32"]
"""What a column counts; a character is one unit of UTF-32."""
_BYTES_OF_UNIT: Final = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
_MARK: Final = "\ufeff"


class Position(NamedTuple):
    """A line and a column, both from 0."""

    line: int
    column: int


class Lines:
    """The lines of a text. They end with LF, CR or CRLF, as the compiler and the protocol count
    them.
    """

    def __init__(self, text: str, unit: Unit = "utf-16", before: str = "") -> None:
        self.text = text
        self.unit = unit
        self._before = self._units(before)
        """Columns of the first line that are not part of the text."""

    @classmethod
    def without_mark(cls, text: str, unit: Unit = "utf-16") -> Lines:
        """The lines of a text as the compiler reads it, without a byte order mark. A client that
        sends the mark counts it in the columns of the first line.
        """
        content = text.removeprefix(_MARK)
        return cls(content, unit, text[: len(text) - len(content)])

    @cached_property
    def starts(self) -> list[int]:
        """The offset where each line starts."""
        text, starts, at = self.text, [0], 0
        returns = "\r" in text
        while True:
            end = text.find("\n", at)
            if returns:
                back = text.find("\r", at, end if end >= 0 else len(text))
                if back >= 0 and back + 1 != end:
                    end = back
            if end < 0:
                return starts
            at = end + 1
            starts.append(at)

    def position(self, offset: int) -> Position:
        """The position of an offset; an offset past the end is the end."""
        offset = min(offset, len(self.text))
        line = bisect_right(self.starts, offset) - 1
        before = self.text[self.starts[line] : offset]
        return Position(line, self._units(before) + self._shift(line))

    def number(self, offset: int) -> int:
        """The line of an offset."""
        return bisect_right(self.starts, offset) - 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a position; one past the end of a line is the end of the line."""
        if line >= len(self.starts):
            return len(self.text)
        content, column = self.line(line), max(0, column - self._shift(line))
        if self.unit == "utf-32" or content.isascii():
            return self.starts[line] + min(column, len(content))
        size = _BYTES_OF_UNIT[self.unit]
        encoded = content.encode(_codec(self.unit), "surrogatepass")[: column * size]
        return self.starts[line] + len(encoded.decode(_codec(self.unit), "ignore"))

    def line(self, number: int) -> str:
        """A line without its line break."""
        start = self.starts[number]
        after = number + 1
        end = self.starts[after] if after < len(self.starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def end(self, number: int) -> int:
        """The offset where a line ends, before its line break."""
        return self.starts[number] + len(self.line(number))

    def _shift(self, line: int) -> int:
        """The columns before the first character of a line."""
        return self._before if line == 0 else 0

    def _units(self, text: str) -> int:
        if self.unit == "utf-32" or text.isascii():
            return len(text)
        return len(text.encode(_codec(self.unit), "surrogatepass")) // _BYTES_OF_UNIT[self.unit]


def _codec(unit: Unit) -> str:
    return unit if unit == "utf-8" else f"{unit}-le"
