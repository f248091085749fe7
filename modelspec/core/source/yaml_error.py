"""Where a YAML parser gave up, and what is said about it."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..diagnostics import Fault, Note, Source, Span

_LONG: Final = 2_000
"""Characters of context at most: what is said about a line never costs more than the line's near
part.
"""


class Trouble(NamedTuple):
    """Where the parser gave up, what it was in the middle of, and where that began."""

    source: Source
    problem: str
    at: int
    context: str
    opened: int | None
    bracket: int | None
    """Where the innermost bracket stands that was open for sure."""

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
        """What stands on the line before the place; of a very long line the end."""
        return self.text[max(self.line_start, self.at - _LONG) : self.at]

    def span(self, start: int, length: int = 1) -> Span:
        return Span(self.source, start, min(start + length, len(self.text)))


class Explained(NamedTuple):
    fault: Fault
    span: Span
    notes: tuple[Note, ...] = ()
