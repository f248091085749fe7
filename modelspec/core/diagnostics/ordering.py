"""Diagnostics in the order of the file, each fault once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .derived import Cause, Derived, causes_of, is_silent, origin_of
from .diagnostic import Diagnostic, Note
from .span import Source, Span

_SHOWN_CAUSES = 6
_FOUND = re.compile(r"found `[^`]*`")


def in_file_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, each fault once, also where its place is used several times.

    Consequences of another fault are left out where that fault is among the diagnostics.
    """
    settled: dict[object, Diagnostic] = {}
    for key, (one, uses) in _distinct(diagnostics).items():
        found = _settled(one, len(uses) - 1)
        # One mistake of the user can cause many faults in the library: it is reported once.
        moved = found is not one and _moved(one, found)
        at: object = (found.code, found.span) if moved else key
        settled.setdefault(at, found)
    return tuple(sorted(settled.values(), key=_place))


_Uses = set[tuple[Cause, ...]]


def _distinct(diagnostics: Sequence[Diagnostic]) -> dict[object, tuple[Diagnostic, _Uses]]:
    """Each fault once, with the steps by which its place is used."""
    caused = any(one.severity == "error" and not _follows(one) for one in diagnostics)
    distinct: dict[object, tuple[Diagnostic, _Uses]] = {}
    for one in diagnostics:
        if one.span is None or type(one.span.source) is Source:  # nearly all of them
            plain = one if one.span is None else (one.code, one.severity, one.message, one.span)
            distinct.setdefault(plain, (one, set()))[1].add(())
            continue
        if _follows(one):
            if not caused:
                distinct.setdefault(one, (one, set()))
            continue
        message = _whatever_was_found(one) if one.severity != "note" else ""
        key = (one.code, one.severity, message, origin_of(one.span))
        distinct.setdefault(key, (one, set()))[1].add(causes_of(one.span))
    return distinct


def _moved(one: Diagnostic, settled: Diagnostic) -> bool:
    """Whether the place that is shown is in another file than the fault itself."""
    return (
        one.span is not None
        and settled.span is not None
        and one.span.source.name != settled.span.source.name
    )


def _whatever_was_found(diagnostic: Diagnostic) -> str:
    """The message; without the value where it differs between uses of a block or rounds of a loop,
    so that one place of the file is reported once.
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
    """Whether it is a consequence of a fault that is reported elsewhere."""
    return diagnostic.span is not None and is_silent(diagnostic.span)


def _settled(diagnostic: Diagnostic, more: int) -> Diagnostic:
    """The diagnostic in the file itself, with the steps to its place as notes; `more` counts its
    other uses.
    """
    span = diagnostic.span
    if span is None or _follows(diagnostic):
        return diagnostic
    noted = (note.span for note in diagnostic.notes)
    if not any(one is not None and _is_derived(one) for one in (span, *noted)):
        return diagnostic
    causes = causes_of(span)
    if origin_of(span).source.shipped and (outside := _outside(diagnostic, causes)) is not None:
        return outside
    # The value of an expression is wrong: a replacement would remove the expression.
    computed = bool(causes) and "$" in span.text
    return replace(
        diagnostic,
        span=origin_of(span),
        notes=(*_own_notes(diagnostic), *_way(causes, more)),
        suggestion=None if computed else diagnostic.suggestion,
    )


def _own_notes(diagnostic: Diagnostic) -> list[Note]:
    return [
        replace(note, span=origin_of(note.span)) if note.span else note for note in diagnostic.notes
    ]


def _way(causes: tuple[Cause, ...], more: int) -> list[Note]:
    """The steps that led to a place, as notes."""
    way = [Note(cause.message, origin_of(cause.span)) for cause in causes[:_SHOWN_CAUSES]]
    if len(causes) > _SHOWN_CAUSES:
        way.append(Note(f"and {len(causes) - _SHOWN_CAUSES} more steps"))
    if more > 0:
        way.append(Note(f"the same at {more} other {'use' if more == 1 else 'uses'}"))
    return way


def _outside(diagnostic: Diagnostic, causes: tuple[Cause, ...]) -> Diagnostic | None:
    """A fault in a file that ships with the package, at the nearest place in the user's files."""
    assert diagnostic.span is not None
    own = list(_own(causes))
    if not own:
        return None
    notes = _own_notes(diagnostic)
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
    if (span := diagnostic.span) is None:
        return ("", -1, -1, diagnostic.code)
    return (span.file, span.start, span.end, diagnostic.code)
