"""Leaves out the other items of a long list around the cursor in a text with brackets, such as
JSON: what `long_lists` does for block style.
"""

from __future__ import annotations

import re
from typing import Final

from .long_lists import Cut

_SHORT: Final = 4_000
"""Characters of a text that is read as fast as it is cut."""
_TOKEN: Final = re.compile(r'"(?:[^"\\\r\n]|\\.)*(?P<end>"?)|[\[\]{},\'#]')
_REST_OF_STRING: Final = re.compile(r'(?:[^"\\\r\n]|\\.)*"?')
_FLOW_STYLE: Final = ("'", "#")
"""Signs of YAML that JSON does not have."""
_CLOSING: Final = {"[": "]", "{": "}"}


class _Open:
    """A bracket that is open before the cursor."""

    __slots__ = ("bracket", "count", "item", "kept", "start")

    def __init__(self, bracket: str, start: int) -> None:
        self.bracket = bracket
        self.start = self.kept = self.item = start
        """Where its content, the item before the present one, and the present one start."""
        self.count = 0
        """The items before that."""


def without_other_json_items(before: str, after: str) -> Cut:
    """Texts without the other items of the outermost list around the place between them. Unchanged
    if they are short, or brackets are not balanced.
    """
    if len(before) + len(after) < _SHORT:
        return Cut(before, after, 0)
    opened = _opened(before)
    at = next((at for at, one in enumerate(opened) if one.bracket == "["), None)
    if at is None:
        return Cut(before, after, 0)
    outermost = opened[at]
    rest = _without_next(after, [one.bracket for one in opened[at:]], _string_end(before, after))
    if rest is None:
        return Cut(before, after, 0)
    left_out = max(0, outermost.count - 1)  # what is before the cursor on its line stays
    return Cut(before[: outermost.start] + before[outermost.kept :], rest, left_out)


def _opened(before: str) -> list[_Open]:
    """The brackets that are open at the end of a text, the outermost first; none where a bracket
    closes another.
    """
    found: list[_Open] = []
    for match in _TOKEN.finditer(before):
        sign = match[0]
        if sign in _FLOW_STYLE:
            return []
        if sign in _CLOSING:
            found.append(_Open(sign, match.end()))
        elif sign == "," and found:
            found[-1].kept, found[-1].item = found[-1].item, match.end()
            found[-1].count += 1
        elif sign in ("]", "}") and (not found or _CLOSING[found.pop().bracket] != sign):
            return []
    return found


def _string_end(before: str, after: str) -> int:
    """Where the string that contains the cursor ends in the text after it; 0 outside of strings."""
    line = before[before.rfind("\n") + 1 :]
    *_, last = (None, *_TOKEN.finditer(line))
    if last is None or last[0][0] != '"' or last["end"] or last.end() < len(line):
        return 0
    rest = _REST_OF_STRING.match(after)
    return rest.end() if rest is not None else 0


def _without_next(after: str, opened: list[str], start: int) -> str | None:
    """The text after the cursor without the items that follow in the list, the first of the open
    brackets; None where the brackets are not balanced.
    """
    stack, cut = list(opened), None
    for match in _TOKEN.finditer(after, start):
        sign = match[0]
        if sign in _CLOSING:
            stack.append(sign)
        elif sign == "," and len(stack) == 1 and cut is None:
            cut = match.start()
        elif sign in _FLOW_STYLE:
            return None
        elif sign in ("]", "}"):
            if _CLOSING[stack.pop()] != sign:
                return None
            if not stack:
                return after if cut is None else after[:cut] + after[match.start() :]
    return None
