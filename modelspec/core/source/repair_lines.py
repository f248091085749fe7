"""A text under repair: its lines, of which some are replaced. The number of lines never changes, so
each place of the repaired text has a place in the text as written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from ..diagnostics import Diagnostic, Edit, Note, Source, Span
from ..diagnostics.derived import Derived, derive
from ..records import NamedTuple, dataclass

_BREAKS: Final = re.compile(r"(\r\n|\r|\n)")
ENTRY: Final = re.compile(
    r"[ ]*(?:-(?=[ ]|$)|(?:\"[^\"]*\"|'[^']*'|[^\s\[\]{},:#&*!|>'\"%@`-][^:#,\[\]{}]*):(?=\s|$))"
)
"""A line that begins an entry of a list or a mapping."""


class Line(NamedTuple):
    """A line without its break."""

    text: str
    ending: str


class Change(NamedTuple):
    """How a line was repaired."""

    text: str
    cut: int
    """The column from which on the text was completed, or is missing."""
    blank: bool = False
    """Whether the line has no content any more."""


@dataclass(frozen=True)
class Map:
    """The places of one repaired text in the text as written."""

    ends: list[int]
    """Where the changed lines end in the repaired text, in order."""
    starts: list[int]
    """Where they start there."""
    shifts: list[int]
    """How many characters the text before each of them, and before the end, is longer."""
    lengths: list[int]
    """How long the changed lines are as written."""

    def __call__(self, offset: int) -> int:
        """The place in the text as written."""
        after = bisect_right(self.starts, offset) - 1
        if after >= 0 and offset <= self.ends[after]:
            column = min(offset - self.starts[after], self.lengths[after])
            return self.starts[after] - self.shifts[after] + column
        return offset - self.shifts[after + 1]


class Lines:
    """The lines of a text, and the changes of some of them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        parts = _BREAKS.split(source.text)
        self.lines = [Line(*pair) for pair in zip(parts[::2], [*parts[1::2], ""], strict=True)]
        self.starts: list[int] = []
        at = 0
        for line in self.lines:
            self.starts.append(at)
            at += len(line.text) + len(line.ending)
        self.changes: dict[int, Change] = {}

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, number: int) -> str:
        """The text of a line (from 0) as repaired so far."""
        change = self.changes.get(number)
        return self.lines[number].text if change is None else change.text

    @property
    def text(self) -> str:
        """The repaired text."""
        return "".join(self[number] + line.ending for number, line in enumerate(self.lines))

    def map(self) -> Map:
        """The places of the text as repaired so far."""
        found, shift = Map([], [], [], []), 0
        for number in sorted(self.changes):
            start, written = self.starts[number] + shift, len(self.lines[number].text)
            found.starts.append(start)
            found.ends.append(start + len(self[number]))
            found.shifts.append(shift)
            found.lengths.append(written)
            shift += len(self[number]) - written
        found.shifts.append(shift)
        return found

    def start(self, number: int) -> int:
        """The offset of a line in the repaired text."""
        return sum(len(self[one]) + len(self.lines[one].ending) for one in range(number))

    def at(self, offset: int) -> int:
        """The number of the line of an offset in the text as written."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def change(self, number: int, text: str, cut: int, *, blank: bool = False) -> None:
        self.changes[number] = Change(text, cut, blank)

    # Looking around -------------------------------------------------------------------------------

    def is_empty(self, number: int) -> bool:
        """Whether a line has no content but a comment."""
        text = self[number].lstrip()
        return not text or text.startswith("#")

    def indent(self, number: int) -> int:
        text = self[number]
        return len(text) - len(text.lstrip(" "))

    def is_entry(self, number: int) -> bool:
        return ENTRY.match(self[number]) is not None

    def before(self, number: int) -> int | None:
        """The nearest line above with content."""
        return next((one for one in range(number - 1, -1, -1) if not self.is_empty(one)), None)

    def after(self, number: int) -> int | None:
        """The nearest line below with content."""
        return next((one for one in range(number + 1, len(self)) if not self.is_empty(one)), None)

    # Places as written ----------------------------------------------------------------------------

    def repairs(self) -> tuple[Span, ...]:
        """The changed lines in the text as written. One without content reaches up to the content
        above, to which it may have belonged.
        """
        found: list[Span] = []
        for number in sorted(self.changes):
            start = self.starts[number]
            above = self.before(number) if self.changes[number].blank else None
            if above is not None:
                start = self.starts[above] + len(self.lines[above].text.rstrip())
            end = self.starts[number] + len(self.lines[number].text)
            found.append(Span(self.source, start, end))
        return tuple(found)

    def is_cut(self, written: Span) -> bool:
        """Whether a place as written reaches to where a line was completed."""
        change = self.changes.get(self.at(written.end))
        return change is not None and written.end >= self.starts[self.at(written.end)] + change.cut


def moved(span: Span, places: Map, source: Source) -> Span:
    """A span of a repaired text, in the text as written."""
    found = Span(source, places(span.start), places(span.end))
    quiet = isinstance(span.source, Derived) and span.source.silent
    return derive(found, silent=True) if quiet else found


def as_written(one: Diagnostic, places: Map, source: Source) -> Diagnostic:
    """A diagnostic of a repaired text, with its places in the text as written."""

    def place(span: Span | None) -> Span | None:
        return None if span is None else moved(span, places, source)

    notes = tuple(Note(note.message, place(note.span)) for note in one.notes)
    edits = tuple(Edit(moved(edit.span, places, source), edit.text) for edit in one.edits)
    return Diagnostic(
        one.code,
        one.severity,
        one.message,
        place(one.span),
        notes,
        one.help,
        one.suggestion,
        edits,
    )
