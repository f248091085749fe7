"""What a stage finds wrong, as values.

A `Diagnostic` has a place in a file. A `Fault` is found by code that knows settings and sizes but
no files (a shape rule, a settings class); the stage that does know the file turns it into a
diagnostic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, NamedTuple, TypeVar

from .derived import Cause, Derived, causes_of, is_silent, origin_of
from .span import Span

Severity = Literal["error", "warning", "note"]
Path = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Note:
    """A sentence that goes with a diagnostic, with a second place where there is one."""

    message: str
    span: Span | None = None

    def __str__(self) -> str:
        return f"{self.message} ({self.span})" if self.span else self.message


class Edit(NamedTuple):
    """What to write in place of a span; an empty span is a place to insert at."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One fault at one place.

    `message` says what was found, `notes` where the expectation comes from, `help` the edit that
    mends it, and `suggestion` the text that would replace the span where the edit is a plain
    replacement. `edits` are there where the mending is certain: made together, they leave the
    meaning of the file as it was understood.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None
    notes: tuple[Note, ...] = ()
    help: str | None = None
    suggestion: str | None = None
    edits: tuple[Edit, ...] = ()

    @property
    def file(self) -> str | None:
        return self.span.file if self.span else None

    @property
    def line(self) -> int | None:
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        return self.span.column if self.span else None

    @property
    def end_line(self) -> int | None:
        return self.span.end_line if self.span else None

    @property
    def end_column(self) -> int | None:
        return self.span.end_column if self.span else None

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        return f"{place}{self.severity}[{self.code}]: {self.message}"


@dataclass(eq=False)
class Fault(ValueError):
    """Something wrong with settings, sizes or types, before it has a place in a file.

    Shape rules and settings raise it, and only the stage that called them catches it: a rule then
    reads as arithmetic, without a check after every step. Past that stage a fault is a
    `Diagnostic`, a value. (A ValueError, so that one raised in a pydantic validator is collected
    with the others.)

    `path` leads from the layer's (or component's) settings to the value at fault, e.g.
    `("kernel_size",)`; an empty path is the thing as a whole. `at_key` marks the key there rather
    than the value. `argument` names the call argument whose tensor is at fault. `part` are the
    characters at fault of a value that is a text (a formula): from the first up to the second.
    """

    code: str
    message: str
    path: Path = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    suggestion: str | None = None
    argument: str | None = None
    severity: Severity = "error"
    at_key: bool = False
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def under(self, *prefix: str | int) -> Fault:
        """The same fault seen from a level further out."""
        return replace(self, path=(*prefix, *self.path))

    def at(self, span: Span | None, notes: tuple[Note, ...] = ()) -> Diagnostic:
        """The same fault, placed in a file."""
        own = tuple(Note(text) for text in self.notes)
        return Diagnostic(
            self.code, self.severity, self.message, span, own + notes, self.help, self.suggestion
        )


@dataclass(frozen=True)
class Checked(Generic[T]):
    """The best value a stage could make, and what it found on the way."""

    value: T
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether there is no error among the diagnostics."""
        return not any(d.severity == "error" for d in self.diagnostics)


def in_file_order(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, each fault once, also where it stands in something that is used several
    times.

    What only follows from a fault that was told is left out, as soon as that fault is among the
    diagnostics.
    """
    told = any(one.severity == "error" and not _follows(one) for one in diagnostics)
    unique: dict[object, Diagnostic] = {}
    ways: dict[object, set[tuple[Cause, ...]]] = {}
    for one in diagnostics:
        if one.span is None or (_follows(one) and not told):
            unique.setdefault(one, one)
        elif not _follows(one):
            key = (one.code, one.severity, _whatever_was_found(one), origin_of(one.span))
            ways.setdefault(key, set()).add(causes_of(one.span))
            unique.setdefault(key, one)
    settled: dict[object, Diagnostic] = {}
    for told_as, one in unique.items():
        found = _settled(one, len(ways.get(told_as, ())) - 1)
        moved = (
            one.span is not None
            and found.span is not None
            and one.span.source.name != found.span.source.name
        )
        # One slip of the user can make much in the library wrong: it is told once.
        at: object = (found.code, found.span) if moved else told_as
        settled.setdefault(at, found)
    return tuple(sorted(settled.values(), key=_place))


def _whatever_was_found(diagnostic: Diagnostic) -> str:
    """The message, of a value that each use of a block or round of a loop gives without the value
    itself: one place of the file is told once.
    """
    span = diagnostic.span
    if (
        diagnostic.code != "MS205"
        or span is None
        or not causes_of(span)
        or origin_of(span).source.shipped
    ):
        return diagnostic.message
    return _FOUND.sub("found", diagnostic.message)


def _follows(diagnostic: Diagnostic) -> bool:
    """Whether it follows from a fault that was told already."""
    return diagnostic.span is not None and is_silent(diagnostic.span)


_SHOWN_CAUSES = 6
_FOUND = re.compile(r"found `[^`]*`")


def _settled(diagnostic: Diagnostic, more: int) -> Diagnostic:
    """The diagnostic in the file itself, the way to its place in notes; `more` other ways lead
    there as well.
    """
    span, notes = diagnostic.span, diagnostic.notes
    if span is None or _follows(diagnostic):
        return diagnostic
    if not _is_derived(span) and not any(note.span and _is_derived(note.span) for note in notes):
        return diagnostic
    causes = causes_of(span)
    if origin_of(span).source.shipped and (outside := _outside(diagnostic, causes)) is not None:
        return outside
    way = [Note(cause.message, origin_of(cause.span)) for cause in causes[:_SHOWN_CAUSES]]
    if len(causes) > _SHOWN_CAUSES:
        way.append(Note(f"and {len(causes) - _SHOWN_CAUSES} more steps"))
    if more > 0:
        way.append(Note(f"the same at {more} other {'use' if more == 1 else 'uses'}"))
    own = tuple(replace(note, span=origin_of(note.span)) if note.span else note for note in notes)
    # Where an expression stands the value is wrong, and its replacement would take the expression
    # away.
    suggestion = (
        None if _is_derived(span) and "$" in span.text and causes else diagnostic.suggestion
    )
    return replace(diagnostic, span=origin_of(span), notes=(*own, *way), suggestion=suggestion)


def _outside(diagnostic: Diagnostic, causes: tuple[Cause, ...]) -> Diagnostic | None:
    """A fault in a text that ships with the package, at the nearest place that is the user's
    own.
    """
    assert diagnostic.span is not None
    own = list(_own(causes))
    if not own:
        return None
    notes = [
        replace(note, span=origin_of(note.span)) if note.span else note for note in diagnostic.notes
    ]
    notes.append(Note("found in the library here", origin_of(diagnostic.span)))
    way = dict.fromkeys((cause.message, origin_of(cause.span)) for cause in own)
    notes += [Note(message, span) for message, span in way][:_SHOWN_CAUSES]
    return replace(
        diagnostic, span=origin_of(own[0].span), notes=tuple(notes), suggestion=None, edits=()
    )


def _own(causes: tuple[Cause, ...]) -> Iterator[Cause]:
    """The steps that the user wrote, those that led to a step of the library among them."""
    for cause in causes:
        if not origin_of(cause.span).source.shipped:
            yield cause
        else:
            yield from _own(causes_of(cause.span))


def _is_derived(span: Span) -> bool:
    return isinstance(span.source, Derived)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    span = diagnostic.span
    return (
        (span.file, span.start, span.end, diagnostic.code)
        if span
        else ("", -1, -1, diagnostic.code)
    )
