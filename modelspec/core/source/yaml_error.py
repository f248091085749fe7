"""Where a YAML parser stopped, and the context that a message shows."""

from __future__ import annotations

from typing import Final

from ..diagnostics import Fault, Note, Source, Span
from ..records import NamedTuple

_LONG: Final = 2_000
"""The most characters of context: a message about a very long line reads only the part nearby."""


class Trouble(NamedTuple):
    """Where the parser stopped, what it was reading, and where that began."""

    source: Source
    problem: str
    at: int
    context: str
    opened: int | None
    bracket: int | None
    """The position of the innermost bracket that is certainly open."""

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def found(self) -> str:
        """The character at the place, empty at the end of the text."""
        return self.text[self.at : self.at + 1]

    @property
    def ended(self) -> bool:
        return not self.text[self.at :].strip()

    @property
    def line_start(self) -> int:
        return self.source.line_start(self.at)

    @property
    def before(self) -> str:
        """The text on the line before the position; only the end of a very long line."""
        return self.text[max(self.line_start, self.at - _LONG) : self.at]

    def span(self, start: int, length: int = 1) -> Span:
        return Span(self.source, start, min(start + length, len(self.text)))


class Explained(NamedTuple):
    fault: Fault
    span: Span
    notes: tuple[Note, ...] = ()
