"""The parts of a text that can be folded: values of several lines, and comments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Mapping, Node, Sequence

from .analysis import Analysis
from .positions import Lines


class Fold(NamedTuple):
    """Lines from 0; the first stays visible."""

    first: int
    last: int
    kind: Literal["region", "comment"] = "region"


def folds(analysis: Analysis) -> list[Fold]:
    """All of them, in the order of their lines, at most one from each line."""
    found = list(_comments(analysis.lines))
    if analysis.document is not None:
        found += _values(analysis.document.root, analysis.lines)
    widest: dict[int, Fold] = {}
    for one in found:
        if one.first not in widest or one.last > widest[one.first].last:
            widest[one.first] = one
    return [widest[first] for first in sorted(widest)]


def _values(root: Mapping, lines: Lines) -> Iterator[Fold]:
    stack: list[tuple[Node, int]] = [(root, -1)]
    while stack:
        node, key = stack.pop()
        span = origin_of(node.span)
        if not isinstance(node, (Mapping, Sequence)):
            continue
        first = key if key >= 0 else lines.number(span.start)
        last = lines.number(max(_last(lines.text, span.start, span.end) - 1, 0))
        if last > first and node is not root:
            yield Fold(first, last)
        if isinstance(node, Mapping):
            stack.extend(
                (entry.value, lines.number(entry.key_span.start))
                for entry in node.entries.values()
                if entry.value.span.start >= entry.key_span.end
            )
        else:
            stack.extend((one, -1) for one in node.items)


def _last(text: str, start: int, end: int) -> int:
    """The end of a value without the white space after it."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _comments(lines: Lines) -> Iterator[Fold]:
    """Comments of several lines."""
    first: int | None = None
    for number in range(len(lines.starts) + 1):
        is_comment = number < len(lines.starts) and lines.line(number).lstrip()[:1] == "#"
        if is_comment and first is None:
            first = number
        elif not is_comment and first is not None:
            if number - first > 1:
                yield Fold(first, number - 1, "comment")
            first = None
