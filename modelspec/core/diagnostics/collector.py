"""Collecting the diagnostics of one stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from .diagnostic import Checked, Diagnostic, Fault, Note, Severity
from .ordering import in_file_order
from .span import Span

T = TypeVar("T")


class TooManyFaults(Exception):
    """So many faults were found that looking for more is of no use."""


class Collector:
    """Collects the diagnostics of one stage.

    With a `limit`, the fault that reaches it is kept and raises `TooManyFaults`. A subclass that
    keeps less than it is given overrides `add`.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.found: list[Diagnostic] = []
        """What was found so far, in the order in which it was found."""
        self._limit = limit

    def add(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        if self._limit is not None and len(self.found) >= self._limit:
            raise TooManyFaults

    def report(self, fault: Fault, span: Span | None, *notes: Note) -> None:
        """A fault, at its place in a file."""
        self.add(fault.at(span, notes))

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        notes: Iterable[Note | str] = (),
        help: str | None = None,
        suggestion: str | None = None,
    ) -> None:
        self.add(_diagnostic("error", code, message, span, notes, help, suggestion))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        notes: Iterable[Note | str] = (),
        help: str | None = None,
    ) -> None:
        self.add(_diagnostic("warning", code, message, span, notes, help))

    def note(self, code: str, message: str, span: Span | None, *, help: str | None = None) -> None:
        self.add(_diagnostic("note", code, message, span, (), help))

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """What another stage found; it does not count against the limit."""
        self.found.extend(diagnostics)

    def collect(self, checked: Checked[T]) -> T:
        """The value of another stage, whose diagnostics are kept."""
        self.extend(checked.diagnostics)
        return checked.value

    @property
    def has_errors(self) -> bool:
        return any(one.severity == "error" for one in self.found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found so far, in file order."""
        return in_file_order(self.found)


def _diagnostic(
    severity: Severity,
    code: str,
    message: str,
    span: Span | None,
    notes: Iterable[Note | str],
    help: str | None,
    suggestion: str | None = None,
) -> Diagnostic:
    kept = tuple(Note(note) if isinstance(note, str) else note for note in notes)
    return Diagnostic(code, severity, message, span, kept, help, suggestion)
