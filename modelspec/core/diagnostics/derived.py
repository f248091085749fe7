"""Places that are written once and stand in a model many times: the body of a block, of a loop, the
value of a name.

A node made from such a place keeps its span, in a `Derived` source that also says by which way it
came about. When diagnostics are put in order, the ways become notes, and the same fault of several
uses is told once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .span import Source, Span


class Cause(NamedTuple):
    """One step of the way: what was used there ("in block `residual`, used here")."""

    message: str
    span: Span


@dataclass(frozen=True, eq=False)
class Derived(Source):
    """A source as seen from one use of a part of it: same name, same text."""

    origin: Source
    """The source itself."""
    causes: tuple[Cause, ...] = ()
    """The way there, the nearest step first."""
    silent: bool = False
    """Whether faults here follow from one that was told already: a value that could not be worked
    out.
    """


def origin_of(span: Span) -> Span:
    """The same place in the source itself."""
    source = span.source
    return span._replace(source=source.origin) if isinstance(source, Derived) else span


def causes_of(span: Span) -> tuple[Cause, ...]:
    """The way by which the place is part of the spec, the nearest step first; empty for one used
    where it stands.
    """
    return span.source.causes if isinstance(span.source, Derived) else ()


def is_silent(span: Span) -> bool:
    """Whether faults at the place follow from one that was told already."""
    return isinstance(span.source, Derived) and span.source.silent


def derive(span: Span, *causes: Cause, silent: bool = False) -> Span:
    """The same place, with more steps on the way to it (before those that it has)."""
    if not causes and not silent:
        return span
    here = origin_of(span).source
    way = (*causes, *causes_of(span))
    folder = span.source.folder
    return span._replace(
        source=Derived(here.name, here.text, here, way, silent or is_silent(span), folder=folder)
    )


def held_in(span: Span, folder: Path | None) -> Span:
    """The same place, for a text that a file in another folder holds: paths in it start there."""
    if folder == span.source.folder:
        return span
    here = origin_of(span).source
    way = causes_of(span)
    return span._replace(
        source=Derived(here.name, here.text, here, way, is_silent(span), folder=folder)
    )
