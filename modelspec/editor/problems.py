"""Diagnostics as an editor shows them: each in the file that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from modelspec.core.diagnostics import Diagnostic, Severity, Source, Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Node, Scalar, Sequence, kind_of, read_text, recovered

from .analysis import Analysis

_UNUSED: Final = frozenset(("MS147", "MS223", "MS307", "MS308", "MS313"))
"""Codes of layers, inputs, names and settings without an effect: an editor shows them faded."""


class Related(NamedTuple):
    """A second place of a problem."""

    message: str
    span: Span


class Problem(NamedTuple):
    """A diagnostic at a place of one file."""

    span: Span
    severity: Severity
    code: str
    message: str
    related: tuple[Related, ...]
    unneeded: bool
    """Whether the text at the place has no effect."""
    old: bool
    """Whether the text is an old spelling."""
    diagnostic: Diagnostic


def problems(analysis: Analysis) -> dict[str, list[Problem]]:
    """The problems of each file, by its name; those of the text itself may be empty.

    In a file that the text extends are only the faults that this file has by itself: what is wrong
    only together with the text is reported where the text extends the file.
    """
    found: dict[str, list[Problem]] = {analysis.name: []}
    own = _Own(analysis)
    for one in (*analysis.warnings, *analysis.diagnostics):
        span = own.place(one)
        found.setdefault(span.file, []).append(_problem(one, span))
    return found


class _Own:
    """Decides where a diagnostic is shown."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._faults: dict[str, set[tuple[str, int, int]]] = {}
        source = analysis.document.root.span.source if analysis.document is not None else None
        self.source = source or Source(analysis.name, analysis.text)

    def place(self, one: Diagnostic) -> Span:
        if one.span is None:
            return self._start()
        span = origin_of(one.span)
        if self.analysis.is_here(span):
            return span
        if (one.code, span.start, span.end) in self._faults_of(span.source):
            return span
        return self._extends(span.file) or self._start()

    def _start(self) -> Span:
        return Span(self.source, 0, 0)

    def _faults_of(self, source: Source) -> set[tuple[str, int, int]]:
        """The faults of a file that are found when it is read."""
        if source.name not in self._faults:
            read = recovered(read_text(source.text, source.name, kind_of(source.name)))
            self._faults[source.name] = {
                (one.code, one.span.start, one.span.end)
                for one in read.diagnostics
                if one.span is not None
            }
        return self._faults[source.name]

    def _extends(self, file: str) -> Span | None:
        """The item of `extends` that leads to a file; all of it for a file that it leads to
        through another.
        """
        document = self.analysis.document
        entry = document.root.entries.get("extends") if document is not None else None
        if entry is None:
            return None
        folder = Path(self.analysis.name).parent
        for item in _items(entry.value):
            if isinstance(item.value, str) and _is_same(folder / item.value, file):
                return origin_of(item.span)
        return origin_of(entry.value.span)


def _items(node: Node) -> Iterator[Scalar]:
    for one in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(one, Scalar):
            yield one


def _is_same(path: Path, file: str) -> bool:
    try:
        return path.resolve() == Path(file).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a name that the system refuses
        return False


def _problem(one: Diagnostic, span: Span) -> Problem:
    message = one.message
    related: list[Related] = []
    if one.span is not None and span != origin_of(one.span):
        related.append(Related("found here", origin_of(one.span)))
    for note in one.notes:
        if note.span is None:
            message += f"\nnote: {note.message}"
        else:
            related.append(Related(note.message, origin_of(note.span)))
    if one.help:
        message += f"\nhelp: {one.help}"
    unneeded = one.code in _UNUSED
    return Problem(
        span, one.severity, one.code, message, tuple(related), unneeded, bool(one.edits), one
    )
