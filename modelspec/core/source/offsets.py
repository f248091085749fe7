"""Maps the characters of a string value to their positions in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..diagnostics import Span
from .node import Scalar

_CHARACTER = {
    "'": re.compile(r"''|.", re.DOTALL),
    '"': re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|.", re.DOTALL),
}
"""One character of a string as it is written in each kind of quotes."""
_BLOCK = re.compile(r"[|>][-+\d]*[^\r\n]*")
"""The first line of a string in block style."""


def place(scalar: Scalar, start: int, end: int) -> Span:
    """The span in the file of the characters from `start` up to `end` of a string; the span of the
    whole string where that is unknown.
    """
    assert isinstance(scalar.value, str)
    span = scalar.span
    offsets = _offsets(span.text, scalar.value)
    if offsets is None:
        return span
    return span._replace(start=span.start + offsets[start], end=span.start + offsets[end])


def _offsets(written: str, value: str) -> Sequence[int] | None:
    """For every character of the value (and its end) its position in the written form; None where
    that is folded.
    """
    if written == value:
        return range(len(value) + 1)
    quote = written[:1]
    if quote not in ("'", '"') or len(written) < 2 or written[-1] != quote:
        at = written.find(value)
        return range(at, at + len(value) + 1) if at >= 0 else _on_lines(written, value)
    if written[1:-1] == value:
        return range(1, len(value) + 2)
    if "\n" in written or "\r" in written:
        return _on_lines(written, value)
    found = [
        1,
        *(match.end() for match in _CHARACTER[quote].finditer(written, 1, len(written) - 1)),
    ]
    return found if len(found) == len(value) + 1 else None


def _on_lines(written: str, value: str) -> Sequence[int] | None:
    """The same for a value on several lines, of which only the spaces differ; None for one with
    escapes.
    """
    header = _BLOCK.match(written)
    at = header.end() if header is not None else 1 if written[:1] in ("'", '"') else 0
    found: list[int] = []
    for character in value:
        if not character.isspace():
            while written[at : at + 1].isspace():
                at += 1
            if written[at : at + 1] != character:
                return None
        found.append(at)
        if written[at : at + 1].isspace() == character.isspace():
            at += 1
    return [*found, at]
