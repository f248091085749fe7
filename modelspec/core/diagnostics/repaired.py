"""Text with syntax errors that was read all the same: which of its lines were repaired.

What is written on such a line is not finished. Its faults, and faults that follow from it, are not
reported beside the syntax error.
"""

from __future__ import annotations

from dataclasses import field

from ..records import dataclass
from .derived import causes_of, origin_of
from .span import Source, Span


@dataclass(frozen=True, eq=False)
class Repaired(Source):
    """A source of which a repaired copy was read. Places refer to the text as written."""

    repairs: tuple[Span, ...] = field(default=(), kw_only=True)
    """The lines that were repaired, in order, without their line breaks."""


def repairs_of(span: Span) -> tuple[Span, ...]:
    """The repaired lines of the source of a span; empty for a source without syntax errors."""
    source = origin_of(span).source
    return source.repairs if isinstance(source, Repaired) else ()


def is_unfinished(span: Span) -> bool:
    """Whether a place, or a use that made it part of the spec, touches a repaired line."""
    return _touches(span) or any(_touches(cause.span) for cause in causes_of(span))


def _touches(span: Span) -> bool:
    return any(one.start <= span.end and span.start <= one.end for one in repairs_of(span))
