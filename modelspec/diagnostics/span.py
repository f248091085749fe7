"""Places in a text: a `Source` and the `Span`s that point into it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

_LF = re.compile("\n")
_BREAK = re.compile("\r\n?|\n")


@dataclass(frozen=True, eq=False)
class Source:
    """A text that was read, and the name to show for it."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of each line's first character; lines end with LF, CR or CRLF, and with nothing else."""
        ends = _BREAK if "\r" in self.text else _LF
        return [0, *(found.end() for found in ends.finditer(self.text))]

    def line(self, number: int) -> str:
        """Line `number` (from 1), without its line break."""
        starts = self.line_starts
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def line_start(self, offset: int) -> int:
        """The offset where the line of the character at `offset` starts."""
        return self.line_starts[bisect_right(self.line_starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """The offset where the line of the character at `offset` ends, before its line break."""
        number = bisect_right(self.line_starts, offset)
        return self.line_starts[number - 1] + len(self.line(number))

    def place(self, offset: int) -> tuple[int, int]:
        """The line and column (both from 1) of the character at `offset`."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1


class Span(NamedTuple):
    """The characters from `start` up to `end` (offsets) of a source.

    Lines and columns are worked out only when somebody looks: most spans are never shown.
    """

    source: Source
    start: int
    end: int

    @property
    def file(self) -> str:
        return self.source.name

    @property
    def line(self) -> int:
        return self.source.place(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.place(self.start)[1]

    @property
    def end_line(self) -> int:
        return self.source.place(self.end)[0]

    @property
    def end_column(self) -> int:
        """The column just past the last character."""
        return self.source.place(self.end)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of `other`."""
        return Span(self.source, self.start, other.end)

    def __str__(self) -> str:
        line, column = self.source.place(self.start)
        return f"{self.source.name}:{line}:{column}"
