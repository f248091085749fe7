"""Reads on after a syntax error: the line is repaired, and the rest of the text is read as written.

Each broken place is reported once, as the parser finds it. What is on a repaired line is kept where
the line can be completed (`{units: 3` gets its bracket), so that names stay known. The repairs and
the readings of one text have limits; beyond them nothing is repaired and nothing is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..diagnostics import Checked, Diagnostic, Source, Span
from ..diagnostics.repaired import Repaired
from . import budgets
from .node import Document, Entry, Mapping, Node
from .reader import Reading
from .repair_brackets import Repair
from .repair_lines import Lines, as_written
from .repaired_tree import Mover

_MOST_REPAIRS: Final = 8
_MOST_READINGS: Final = 24
_LONGEST: Final = 400_000
"""Characters of a text that is repaired."""
_MOST_NODES: Final = 2 * budgets.NODES
"""Keys and values that are read in all readings of one text."""


def repaired(
    source: Source,
    strict: Checked[Document | None],
    characters: tuple[Diagnostic, ...] = (),
    *,
    is_json: bool,
) -> Checked[Document | None]:
    """The document in a text with syntax errors; `strict`, the result of the first reading, where
    no small repair helps. `characters` are those that are not allowed.
    """
    if len(source.text) > _LONGEST or len(characters) >= _MOST_REPAIRS:
        return strict
    if is_json:
        from .repair_json import JsonRepairing

        return JsonRepairing(source, characters).run() or strict
    from .repair_yaml import YamlRepairing

    return YamlRepairing(source, characters).run() or strict


class _Reading(Reading):
    """Reads a repaired text. A completed key that is written again is another, half-written one."""

    def __init__(self, source: Source, lines: Lines) -> None:
        super().__init__(source)
        self.lines = lines

    def put(self, entries: dict[str, Entry], key: str, key_span: Span, value: Node) -> None:
        before = entries.get(key)
        if before is not None and self._is_repaired(before.key_span):
            entries[key] = Entry(key_span, value)
        elif before is None or not self._is_repaired(key_span):
            super().put(entries, key, key_span, value)

    def _is_repaired(self, span: Span) -> bool:
        return span.line - 1 in self.lines.changes


class Repairing:
    """The repairs of one text. A subclass repairs texts of one format."""

    def __init__(self, source: Source, characters: tuple[Diagnostic, ...] = ()) -> None:
        self.source = source
        self.lines = Lines(source)
        self.found: list[Diagnostic] = []
        """The syntax errors, with places in the text as written."""
        self.tried: dict[int, int] = {}
        """How often a line was repaired."""
        self.nodes = 0
        for one in characters:
            self._without(one)

    def _without(self, character: Diagnostic) -> None:
        """Read a character that is not allowed as one that means nothing."""
        if character.span is None:
            return
        number, column = character.span.line - 1, character.span.column - 1
        text = self.lines[number]
        self.lines.change(number, f"{text[:column]}_{text[column + 1 :]}", column)
        self.tried[number] = 1
        self.found.append(character)

    def run(self) -> Checked[Document | None] | None:
        """The document; None where no small repair helps."""
        for _ in range(_MOST_READINGS):
            text = Source(self.source.name, self.lines.text, folder=self.source.folder)
            reading = _Reading(text, self.lines)
            if not self.read(reading):
                return self.document(reading)
            self.nodes += reading.nodes
            if self.nodes > _MOST_NODES:
                break
        return None

    def read(self, reading: Reading) -> bool:
        """Read the text, and repair it at its first error. Whether it was repaired."""
        raise NotImplementedError

    def document(self, reading: Reading) -> Checked[Document | None] | None:
        """What was read in the end."""
        raise NotImplementedError

    # One error ------------------------------------------------------------------------------------

    def apply(self, number: int, repair: Repair | None, report: Callable[[], Diagnostic]) -> bool:
        """Repair a line because of an error on line `number`, which is reported if it is a new one.
        Whether there was something to repair.
        """
        if repair is None:
            return False
        if self._is_new(number, repair):
            if len(self.found) == _MOST_REPAIRS:
                return False
            found = report()
            if found not in self.found:
                self.found.append(found)
        self.lines.change(repair.line, repair.text, repair.cut, blank=repair.blank)
        for line in {number, repair.line}:
            self.tried[line] = self.tried.get(line, 0) + 1
        return True

    def first(self, repairs: Iterable[Repair | None]) -> Repair | None:
        """The first repair that changes a line."""
        for repair in repairs:
            if repair is not None and self.lines[repair.line] != repair.text:
                return repair
        return None

    def _is_new(self, number: int, repair: Repair) -> bool:
        """Whether an error is at another place than those before, and does not follow from one."""
        above = self.lines.before(repair.line)
        return not any(line in self.tried for line in (number, repair.line, above))

    def result(
        self, root: Mapping, reading: Reading, spoilt: list[Span]
    ) -> Checked[Document | None]:
        """The document of the repaired text, with the places of the text as written."""
        places = self.lines.map()
        for span in spoilt:
            line = span.line - 1
            if line not in self.lines.changes:
                text = self.lines[line]
                self.lines.change(line, text, span.column - 1)
        source = Repaired(
            self.source.name,
            self.source.text,
            folder=self.source.folder,
            by_user=self.source.by_user,
            repairs=self.lines.repairs(),
        )
        document = Document(Mover(self.lines, places, source).mapping(root), repaired=True)
        others = [as_written(one, places, self.source) for one in reading.diagnostics]
        found = (*self.found, *self._elsewhere(others, spoilt))
        return Checked(document, found)

    def _elsewhere(self, diagnostics: list[Diagnostic], spoilt: list[Span]) -> Iterator[Diagnostic]:
        """The faults of the last reading that are not on a line with a syntax error."""
        own = set(self.lines.changes)
        kept = {span.line - 1 for span in spoilt}
        for one in diagnostics:
            line = None if one.span is None else one.span.line - 1
            if line not in own or line in kept:
                yield one
