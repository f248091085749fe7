"""Leaves out the other items of a long list around the cursor: reading them takes most of the time
of a completion, and they do not matter for it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_FEW: Final = 30
"""Items that are not worth the search."""
_INDENT: Final = re.compile(r" *")
_ANCHOR: Final = re.compile(r"(?:^|[\s,\[{])&", re.MULTILINE)


class Cut(NamedTuple):
    """The texts before and after the cursor, and the number of items that are left out before."""

    before: str
    after: str
    left_out: int


def without_other_items(before: str, after: str) -> Cut:
    """Texts in block style without the other items of the outermost list around the place between
    them. Unchanged unless every line is clearly one of the list.
    """
    lines = before.split("\n")
    item = _outermost_item(lines)
    if item is None:
        return Cut(before, after, 0)
    column = _indent(lines[item])
    first = item
    while first and _belongs(lines[first - 1], column):
        first -= 1
    while first < item and not _begins(lines[first], column):
        first += 1  # comments above the first item
    skipped = lines[first:item]
    count = sum(_begins(line, column) for line in skipped)
    if count < _FEW or _ANCHOR.search("\n".join(skipped)):
        return Cut(before, after, 0)
    return Cut("\n".join((*lines[:first], *lines[item:])), _without_next(after, column), count)


def _outermost_item(lines: list[str]) -> int | None:
    """The line of the outermost list item that the end of the lines is in."""
    found: int | None = None
    bound = len(lines[-1]) + 1
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if not line.strip() and number < len(lines) - 1:
            continue
        column = _indent(line)
        if column < bound and line[column : column + 1] != "#":
            bound = column
            if line[column : column + 2] in ("- ", "-"):
                found = number
        if bound == 0:
            break
    return found


def _without_next(after: str, column: int) -> str:
    """The text after the cursor without the items that follow the present one."""
    lines = after.split("\n")
    first = next((at for at in range(1, len(lines)) if _begins(lines[at], column)), None)
    if first is None or not all(_belongs(line, column) for line in lines[1:first]):
        return after
    end = first
    while end < len(lines) and _belongs(lines[end], column):
        end += 1
    return "\n".join((*lines[:first], *lines[end:]))


def _belongs(line: str, column: int) -> bool:
    """Whether a line is part of a list at a column."""
    content = line.strip()
    return not content or content[0] == "#" or _indent(line) > column or _begins(line, column)


def _begins(line: str, column: int) -> bool:
    """Whether an item of a list at a column starts in a line."""
    return line.startswith("- ", column) and _indent(line) == column


def _indent(line: str) -> int:
    match = _INDENT.match(line)
    return match.end() if match else 0
