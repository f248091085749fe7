"""Repairs YAML text where the parser stops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ..diagnostics import Checked, Diagnostic, Fault, Note, Span
from .node import Document, Mapping, Scalar
from .reader import Reading
from .repair import Repairing
from .repair_brackets import CLOSING, Repair, Scan
from .repair_entries import Place, blanked, emptied, repaired_line
from .repair_lines import as_written
from .yaml_brackets import expression
from .yaml_error import Trouble
from .yaml_reader import PARSER, Composer
from .yaml_syntax import explained, trouble_of


class _Tolerant(Composer):
    """Reads on where the strict reader refuses the result; the places are kept."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading, PARSER)
        self.spoilt: list[Span] = []
        self.begun = 0
        """Where the last scalar starts."""

    def spoil(self, fault: Fault, span: Span, *notes: Note) -> None:
        self.spoilt.append(span)
        self.reading.report(fault, span, *notes)

    def scalar(self, event: Any) -> Scalar:
        self.begun = event.start_mark.index
        return super().scalar(event)


class YamlRepairing(Repairing):
    """The repairs of YAML text."""

    _root: Mapping | None = None
    _spoilt: list[Span]

    def read(self, reading: Reading) -> bool:
        composer = _Tolerant(reading)
        try:
            self._root = composer.document()
        except yaml.YAMLError as error:
            trouble = trouble_of(reading.source, error, composer.brackets[-1:])
        except Fault:  # over a budget
            return False
        else:
            self._spoilt = composer.spoilt
            return False
        number = trouble.source.place(trouble.at)[0] - 1
        repair = self.first(self._possible(trouble, composer, number))
        return self.apply(number, repair, lambda: self._report(trouble, repair))

    def document(self, reading: Reading) -> Checked[Document | None] | None:
        return None if self._root is None else self.result(self._root, reading, self._spoilt)

    def _report(self, trouble: Trouble, repair: Repair | None) -> Diagnostic:
        """The fault as the parser finds it; what was left open on a line above it, where the parser
        read on.
        """
        fault, span, notes = explained(trouble)
        assert repair is not None
        opened = repair.opened
        if opened is not None and span.line - 1 > opened.line:
            kind = "string" if opened.sign in "'\"" else ""
            closing = CLOSING.get(opened.sign, opened.sign)
            help = f"close {f'the {kind}' if kind else 'it'} with `{closing}`"
            fault = Fault("MS103", f"`{opened.sign}` is never closed", help=help)
            start = self.lines.start(opened.line) + opened.column
            span, notes = Span(trouble.source, start, start + 1), ()
        elif repair.fault is not None and span.line - 1 > repair.line:
            start = self.lines.start(repair.line)
            text = self.lines[repair.line]
            fault, notes = repair.fault, ()
            first = start + len(text) - len(text.lstrip(" -"))
            span = Span(trouble.source, first, start + len(text.rstrip()))
        return as_written(fault.at(span, notes), self.lines.map(), self.source)

    def _possible(
        self, trouble: Trouble, composer: _Tolerant, number: int
    ) -> Iterator[Repair | None]:
        times = self.tried.get(number, 0)
        if times < 2:
            first = min((*composer.brackets[:1], composer.begun, trouble.at))
            start = trouble.source.place(first)[0] - 1
            yield Scan(self.lines).repair(start, number)
            yield self._expression(trouble)
            yield repaired_line(self._place(trouble, number))
        number = self._with_content(number)
        yield emptied(self.lines, number)
        yield blanked(self.lines, number)
        above = self.lines.before(number)
        if above is not None:
            yield emptied(self.lines, above)
            yield blanked(self.lines, above)

    def _expression(self, trouble: Trouble) -> Repair | None:
        """An expression without quotes, of which a bracket or a comma ends the value."""
        found = expression(trouble) if "flow" in trouble.context or trouble.found else None
        if found is None:
            return None
        number, column = (one - 1 for one in trouble.source.place(found.span.start))
        text, end = self.lines[number], column + found.span.end - found.span.start
        return Repair(number, text[:column] + "_" * (end - column) + text[end:], column)

    def _with_content(self, number: int) -> int:
        """The line of an error, or the last one above with content."""
        if number < len(self.lines) and not self.lines.is_empty(number):
            return number
        above = self.lines.before(min(number, len(self.lines)))
        return 0 if above is None else above

    def _place(self, trouble: Trouble, number: int) -> Place:
        column = trouble.at - trouble.line_start
        place = Place(trouble, self.lines, number, column)
        if trouble.opened is not None:
            place.opened = trouble.source.place(trouble.opened)[0] - 1
        return place
