"""Checks regular expressions of RE2 without loading it: the syntax, and the size of the pattern.

RE2 finds every match in time linear in the text, whatever the pattern: a pattern of a stranger
cannot make `check` or a run hang, as one with nested repetition can with Python's `re`. So it has
no look-around and no backreferences. The size is bounded because the time per character grows with
it: `a{1000}` counts as 1000 characters.
"""

import re
from typing import Final, NamedTuple

from .text_escapes import BadPattern, characters, escape

MOST_ITEMS: Final = 5_000
"""The size of a pattern after its repetition counts are multiplied out."""
MOST_CHARACTERS: Final = 1_000
MOST_REPEATS: Final = 1_000
"""The largest count of a repetition that RE2 supports."""

_COUNT: Final = re.compile(r"\{(\d+)(,(\d*))?\}")
_GROUP: Final = re.compile(r"\(\?(P?<[A-Za-z_][A-Za-z0-9_]*>|[imsU]*(-[imsU]+)?[:)])")
_UNSUPPORTED: Final = {
    "(?=": "a look-ahead",
    "(?!": "a look-ahead",
    "(?<=": "a look-behind",
    "(?<!": "a look-behind",
    "(?>": "an atomic group",
    "(?#": "a comment",
    "(?P=": "a backreference",
    "(?(": "a condition",
}


class Pattern(NamedTuple):
    """A pattern that RE2 supports, as far as is known without it."""

    groups: int
    """The number of its capturing groups."""
    items: int
    """Its size."""


def read_pattern(text: str) -> Pattern:
    """The facts about a pattern. Raises `BadPattern`."""
    if len(text) > MOST_CHARACTERS:
        raise BadPattern(f"has {len(text):,} characters; at most {MOST_CHARACTERS:,} are supported")
    reader = _Reader(text)
    found = reader.read()
    if found.items > MOST_ITEMS:
        raise BadPattern(
            f"has {found.items:,} items after repetition; at most {MOST_ITEMS:,} are supported"
        )
    return found


class _Reader:
    """Reads a pattern from left to right, without recursion."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._groups = 0
        self._open: list[int] = []
        """The items before each open group."""
        self._items = 0
        """The items of the innermost open group."""
        self._last: int | None = None
        """The size of the item that a repetition would repeat; None if there is none."""
        self._repeated = False
        """Whether that item is repeated already."""

    def read(self) -> Pattern:
        while self._at < len(self._text):
            self._step()
        if self._open:
            raise BadPattern("has a `(` without `)`")
        return Pattern(self._groups, self._items)

    def _step(self) -> None:
        sign = self._text[self._at]
        if sign == "\\":
            self._escape()
        elif sign == "[":
            self._characters()
        elif sign == "(":
            self._enter()
        elif sign == ")":
            self._leave()
        elif sign in "*+?":
            self._repeat(1, 1)
        elif sign == "{" and (count := _COUNT.match(self._text, self._at)):
            self._repeat(_times(count), len(count.group()))
        elif sign == "|":
            self._at += 1
            self._last = None
        else:
            self._take(1)

    def _take(self, size: int) -> None:
        """Takes one item of this many characters."""
        self._at += size
        self._items += 1
        self._last, self._repeated = 1, False

    def _escape(self) -> None:
        if self._text.startswith("\\Q", self._at):
            end = self._text.find("\\E", self._at)
            if end < 0:
                raise BadPattern("has `\\Q` without `\\E`")
            if end == self._at + 2:  # nothing: a repetition repeats the item before
                self._at = end + 2
                return
            self._items += end - self._at - 3
            self._take(end + 2 - self._at)
            return
        self._take(escape(self._text, self._at).end - self._at)

    def _characters(self) -> None:
        """A list of characters in brackets."""
        self._take(characters(self._text, self._at) - self._at)

    def _enter(self) -> None:
        text = self._text
        size = 1
        if text.startswith("(?", self._at):
            for start, what in _UNSUPPORTED.items():
                if text.startswith(start, self._at):
                    raise BadPattern(f"has {what} (`{start}`), which is unsupported")
            head = _GROUP.match(text, self._at)
            if head is None:
                raise BadPattern(f"has the unknown group `{text[self._at : self._at + 4]}`")
            size = len(head.group())
            if head.group().endswith(")"):  # flags for the rest of the pattern
                self._at += size
                self._last = None
                return
            self._groups += head.group().endswith(">")
        else:
            self._groups += 1
        self._at += size
        self._open.append(self._items)
        self._items, self._last = 0, None

    def _leave(self) -> None:
        if not self._open:
            raise BadPattern("has a `)` without `(`")
        inside = max(1, self._items)
        self._items = self._open.pop() + inside
        self._at += 1
        self._last, self._repeated = inside, False

    def _repeat(self, times: int, size: int) -> None:
        sign = self._text[self._at : self._at + size]
        if self._last is None:
            raise BadPattern(f"has nothing that `{sign}` could repeat")
        if self._repeated:
            raise BadPattern(f"repeats a repetition with `{sign}`")
        if times > MOST_REPEATS:
            raise BadPattern(f"repeats more than {MOST_REPEATS:,} times: `{sign}`")
        self._items += self._last * (max(1, times) - 1)
        self._last *= max(1, times)
        self._at += size
        self._at += self._text[self._at : self._at + 1] == "?"  # the shortest match
        self._repeated = True


def _times(count: re.Match[str]) -> int:
    """The largest count of `{2}`, `{2,}` or `{2,5}`."""
    least, most = count.group(1), count.group(3)
    if len(least) > 4 or len(most or "") > 4:
        return MOST_REPEATS + 1
    if most and int(most) < int(least):
        raise BadPattern(f"has `{count.group()}`, whose second number is smaller than the first")
    return max(int(least), int(most or 0))


def nested_repetition(text: str) -> bool:
    """Whether a pattern has an unbounded repetition of a group with another one, as `(a+)*`, or
    with alternatives, as `(a|ab)*`. A search with backtracking may then take exponential time.
    """
    text = re.sub(
        r"\\[pPx]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]", "x", text, flags=re.DOTALL
    )
    inside = [False]
    """Whether each open group, the outermost first, has an unbounded repetition or alternatives."""
    at = 0
    while at < len(text):
        if text[at] == "(":
            inside.append(False)
        elif text[at] == ")" and len(inside) > 1:
            nested = inside.pop()
            if _UNBOUNDED.match(text, at + 1):
                if nested:
                    return True
                nested = True
            inside[-1] = inside[-1] or nested
        elif text[at] == "|":
            inside[-1] = inside[-1] or len(inside) > 1
        elif text[at] not in "*+?{}" and _UNBOUNDED.match(text, at + 1):
            inside[-1] = True
        at += 1
    return False


_UNBOUNDED: Final = re.compile(r"[*+]|\{\d+,\}")


# Replacements -------------------------------------------------------------------------------------


def check_replacement(text: str, groups: int) -> None:
    """Raises `BadPattern` for a replacement with an unknown group or escape: `\\0` is the match,
    `\\1` its first group, `\\\\` a backslash.
    """
    for found in re.finditer(r"\\(.?)", text, re.DOTALL):
        sign = found.group(1)
        if sign == "\\":
            continue
        if not (sign.isascii() and sign.isdigit()):
            raise BadPattern(
                f"has `\\{sign}`; only `\\0` to `\\9` and `\\\\` have a meaning after a backslash"
            )
        if int(sign) > groups:
            raise BadPattern(f"has the group `\\{sign}`, but the pattern has {groups}")
