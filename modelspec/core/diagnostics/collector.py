"""Collects the diagnostics of one stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from .derived import origin_of
from .diagnostic import Checked, Diagnostic, Fault, Note, Severity
from .ordering import in_file_order
from .span import Span

T = TypeVar("T")


MOST: Final = 20_000
"""The most diagnostics of one stage: a spec within the other limits may have a hundred thousand,
and each takes time to find, to sort and to write.
"""


class TooManyFaults(Exception):
    """Raised when the limit of faults is reached; `found` are the faults so far."""

    def __init__(self, found: Iterable[Diagnostic]) -> None:
        super().__init__()
        self.found = tuple(found)

    def last(self, what: str) -> Diagnostic:
        """The fault that reports this, before all others of its file; `what` was not checked."""
        place = next((one.span for one in self.found if one.span), None)
        message = f"stopped after {len(self.found):,} errors; {what} was not checked"
        fault = Fault("MS108", message, help="fix the first ones, and check again")
        return fault.at(place and Span(origin_of(place).source, 0, 0))


class Collector:
    """Collects the diagnostics of one stage.

    With a `limit`, the fault that reaches it is kept and raises `TooManyFaults`. A subclass that
    keeps only some diagnostics overrides `add`.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.found: list[Diagnostic] = []
        """What was found so far, in the order in which it was found."""
        self._limit = limit
        self._looked = 0
        """How many of these were already checked, none of which is an error."""

    def add(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        self._check()

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
        """Adds the diagnostics of another stage."""
        self.found.extend(diagnostics)
        self._check()

    def _check(self) -> None:
        if self._limit is not None and len(self.found) >= self._limit:
            raise TooManyFaults(self.found)

    def collect(self, checked: Checked[T]) -> T:
        """The value of another stage; its diagnostics are added."""
        self.extend(checked.diagnostics)
        return checked.value

    @property
    def has_errors(self) -> bool:
        while self._looked < len(self.found) and self.found[self._looked].severity != "error":
            self._looked += 1
        return self._looked < len(self.found)

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
