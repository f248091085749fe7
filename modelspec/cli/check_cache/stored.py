"""Results as JSON that restores the diagnostics with their places."""

from __future__ import annotations

import json
from typing import Any

from modelspec.core.diagnostics import Diagnostic, Edit, Note, Source, Span

from ..check_output import FileResult
from .entry import Result


class _Writer:
    """Numbers the sources, whose text is written once."""

    def __init__(self) -> None:
        self.sources: dict[tuple[str, str], int] = {}

    def span(self, span: Span | None) -> list[int] | None:
        if span is None:
            return None
        source = (span.source.name, span.source.text)
        return [self.sources.setdefault(source, len(self.sources)), span.start, span.end]

    def diagnostic(self, one: Diagnostic) -> list[Any]:
        return [
            one.code,
            one.severity,
            one.message,
            self.span(one.span),
            [[note.message, self.span(note.span)] for note in one.notes],
            one.help,
            one.suggestion,
            [[self.span(edit.span), edit.text] for edit in one.edits],
        ]


def dump(result: FileResult) -> Result:
    """A result as it is kept."""
    writer = _Writer()
    found = [writer.diagnostic(one) for one in result.diagnostics]
    details = ""
    if found or result.sweep is not None:
        details = json.dumps([list(writer.sources), found, result.sweep])
    return Result(details, result.size or "")


def load(result: Result) -> FileResult:
    """The result that `dump` was given."""
    if not result.details:
        return FileResult((), result.size)
    written, found, sweep = json.loads(result.details)
    sources = [Source(name, content) for name, content in written]
    return FileResult(tuple(_diagnostic(sources, *one) for one in found), result.size, sweep)


def _diagnostic(
    sources: list[Source],
    code: str,
    severity: Any,
    message: str,
    place: list[int] | None,
    notes: list[Any],
    help: str | None,
    suggestion: str | None,
    edits: list[Any],
) -> Diagnostic:
    def span(at: list[int]) -> Span:
        return Span(sources[at[0]], at[1], at[2])

    return Diagnostic(
        code,
        severity,
        message,
        span(place) if place else None,
        tuple(Note(words, span(at) if at else None) for words, at in notes),
        help,
        suggestion,
        tuple(Edit(span(at), content) for at, content in edits),
    )
