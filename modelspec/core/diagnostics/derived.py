"""Places that are written once and used several times in a model: the body of a block or a loop,
the value of a name.

A node made from such a place keeps its span, in a `Derived` source that also records the steps of
its use. When diagnostics are sorted, the steps become notes, and the same fault of several uses is
reported once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from ..records import NamedTuple, dataclass
from .span import Source, Span

Step = Literal["value", "replacement", "loop", "library", "block"]
"""What a step of a use is: a value that others are computed from, the name of a mapping or a list
that replaces it, a round of a loop, the use of a library model, or the use of a block.
"""
USES: Final[tuple[Step, ...]] = ("block", "library")
"""The steps that are uses of several layers by one name."""


class Cause(NamedTuple):
    """One step of the use: what was used there ("in block `residual`, used here")."""

    message: str
    span: Span
    step: Step = "value"
    name: str = ""
    """The name of the block or library model that was used; empty for other steps."""


@dataclass(frozen=True, eq=False)
class Derived(Source):
    """A source as seen from one use of a part of it: same name, same text."""

    origin: Source
    """The source itself."""
    causes: tuple[Cause, ...] = ()
    """The steps to this use, the nearest first."""
    silent: bool = False
    """Whether faults here are consequences of one already reported: a value that could not be
    computed.
    """


def origin_of(span: Span) -> Span:
    """The same place in the source itself."""
    source = span.source
    return span._replace(source=source.origin) if isinstance(source, Derived) else span


def causes_of(span: Span) -> tuple[Cause, ...]:
    """The steps by which the place is used in the spec, the nearest first; empty for a place that
    is used where it is written.
    """
    return span.source.causes if isinstance(span.source, Derived) else ()


def is_silent(span: Span) -> bool:
    """Whether faults at the place are consequences of one already reported."""
    return isinstance(span.source, Derived) and span.source.silent


def derive(span: Span, *causes: Cause, silent: bool = False) -> Span:
    """The same place with more steps, before the present ones."""
    if not causes and not silent:
        return span
    here = origin_of(span).source
    way = (*causes, *causes_of(span))
    folder = span.source.folder
    return span._replace(
        source=Derived(here.name, here.text, here, way, silent or is_silent(span), folder=folder)
    )


def held_in(span: Span, folder: Path | None) -> Span:
    """The same place in a file of another folder, which is the base of the paths in it."""
    if folder == span.source.folder:
        return span
    here = origin_of(span).source
    way = causes_of(span)
    return span._replace(
        source=Derived(here.name, here.text, here, way, is_silent(span), folder=folder)
    )
