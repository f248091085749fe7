"""Places in text: a `Source` and the `Span`s that point into it."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Final

from ..records import NamedTuple, dataclass

_STRIDE = 1 << 14
SHIPPED: Final = " (library)"
"""Suffix of the names of sources that ship with the package, which users cannot edit."""


@dataclass(frozen=True, eq=False)
class Source:
    """Text that was read, and its name in messages.

    Lines end with LF, CR or CRLF only. They are counted from known places some thousand characters
    apart, so that a place at the end of ten megabytes, of one line or of millions, takes as long as
    one at the start.
    """

    name: str
    text: str = field(repr=False)
    folder: Path | None = field(default=None, kw_only=True)
    """The base folder of relative paths in the text; None: that of the spec."""
    by_user: bool = field(default=False, kw_only=True)
    """Whether the user wrote it outside the spec (`--set`), which allows the paths in it."""

    @property
    def shipped(self) -> bool:
        """Whether the text ships with the package."""
        return self.name.endswith(SHIPPED)

    @cached_property
    def _known(self) -> tuple[list[int], list[int]]:
        """For every stride: the number of the line that it starts in (from 1), and where that line
        starts.
        """
        numbers, starts = [1], [0]
        for at in range(0, len(self.text), _STRIDE):
            end = min(at + _STRIDE, len(self.text))
            numbers.append(numbers[-1] + self._breaks(at, end))
            starts.append(self._last_start(at, end, starts[-1]))
        return numbers, starts

    @cached_property
    def _returns(self) -> bool:
        return "\r" in self.text

    def _breaks(self, start: int, end: int) -> int:
        """How many line breaks end after `start` and not after `end`; a CR before an LF is not a
        separate break.
        """
        text = self.text
        breaks = text.count("\n", start, end)
        if self._returns:
            breaks += text.count("\r", start, end) - text.count("\r\n", start, end + 1)
        return breaks

    def _last_start(self, start: int, end: int, otherwise: int) -> int:
        """The start of the last line whose break is between `start` and `end`."""
        text = self.text
        found = text.rfind("\n", start, end)
        if self._returns:
            last = text.rfind("\r", start, end)
            if 0 <= last == end - 1 and text.startswith("\n", end):
                last = text.rfind("\r", start, last)
            found = max(found, last)
        return found + 1 if found >= 0 else otherwise

    def place(self, offset: int) -> tuple[int, int]:
        """The line and column (both from 1) of the character at `offset`."""
        numbers, starts = self._known
        stride = min(offset // _STRIDE, len(numbers) - 1)
        at = stride * _STRIDE
        line = numbers[stride] + self._breaks(at, offset)
        return line, offset - self._last_start(at, offset, starts[stride]) + 1

    def line_start(self, offset: int) -> int:
        """The offset where the line of the character at `offset` starts."""
        return offset - self.place(offset)[1] + 1

    def line_end(self, offset: int) -> int:
        """The offset where the line of the character at `offset` ends, before its line break."""
        text = self.text
        end = text.find("\n", offset)
        end = len(text) if end < 0 else end
        if self._returns:
            back = text.find("\r", offset, end)
            if back >= 0:
                return back
            if text.startswith("\r\n", end - 1) and end > 0:  # `offset` is between the two
                return end - 1
        return end

    def line_after(self, offset: int) -> int:
        """The offset where the line after that of `offset` starts; the end of the text after the
        last.
        """
        end = self.line_end(offset)
        return min(end + (2 if self.text.startswith("\r\n", end) else 1), len(self.text))

    def line_at(self, offset: int) -> str:
        """The line of the character at `offset`, without its line break."""
        return self.text[self.line_start(offset) : self.line_end(offset)]


class Span(NamedTuple):
    """The characters from `start` up to `end` (offsets) of a source.

    Lines and columns are computed on demand: most spans are never shown.
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

    def __repr__(self) -> str:
        return f"<Span {self}>"

    def __str__(self) -> str:
        line, column = self.source.place(self.start)
        return f"{self.source.name}:{line}:{column}"
