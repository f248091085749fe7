"""The texts that are open in the editor, as its messages change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from modelspec.compiler.spec.looks_like_spec import looks_like_spec
from modelspec.core.source.budgets import TEXT_BYTES

from .analysis import Analysis
from .positions import Lines, Position, Unit

LANGUAGE: Final = "modelspec"
"""The identifier of the language with which a client says that a text is a spec."""


class Change(NamedTuple):
    """New text between two positions; without positions, in place of the whole text."""

    text: str
    start: Position | None = None
    end: Position | None = None


@dataclass(eq=False)
class OpenFile:
    """One text that is open in the editor."""

    uri: str
    path: Path
    text: str
    version: int | None
    language: str = ""
    unit: Unit = "utf-16"
    revision: int = 0
    """Grows with every change of the text, or of what it depends on."""
    analysis: Analysis | None = None
    analyzed: int = -1
    """The revision of the analysis."""
    cursor: int | None = None
    """Where the cursor was last seen, outside of blocks."""
    is_spec: bool = field(init=False)
    """Whether it is a spec, or was one before."""

    def __post_init__(self) -> None:
        self.is_spec = self._looks_like_spec()

    @property
    def current(self) -> Analysis | None:
        """The analysis of the present revision, if there is one already."""
        return self.analysis if self.analyzed == self.revision else None

    def change(self, changes: list[Change], version: int | None) -> None:
        """Apply changes, each to the text that the one before it made."""
        for one in changes:
            self._apply(one)
        self.version = version
        self.revision += 1
        self.is_spec = self.is_spec or self._looks_like_spec()

    def _apply(self, change: Change) -> None:
        if change.start is None or change.end is None:
            self.text, self.cursor = change.text, None
            return
        lines = Lines(self.text, self.unit)
        start, end = lines.offset(*change.start), lines.offset(*change.end)
        end = max(start, end)
        self.text = self.text[:start] + change.text + self.text[end:]
        if self.cursor is not None and self.cursor >= start:
            moved = self.cursor + len(change.text) - (end - start)
            self.cursor = max(start, moved)

    def _looks_like_spec(self) -> bool:
        if self.language == LANGUAGE:
            return True
        return len(self.text) <= TEXT_BYTES and looks_like_spec(self.text)
