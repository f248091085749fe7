"""Counts how deep YAML text is nested before any parser reads it.

Parsers differ in the depth that they allow and in how they fail (a crash, an error, a
`RecursionError`). Here brackets and indentation are counted as YAML's scanner does, outside of
quotes, comments, plain scalars and block scalars, so the installed parser makes no difference. The
count never exceeds the levels of mappings and lists that a parser finds: only the composer counts a
list on the column of its key, or a pair in a list (`[a: 1]`).

Source: YAML 1.2.2, chapters 6 to 8; the rules of simple keys are those of libyaml and PyYAML.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_FEW: Final = 48
"""Text with no more brackets, and no line indented further, needs no count."""
_INDENTED: Final = re.compile(rf"^[ ?:-]{{{_FEW}}}", re.MULTILINE)
_LOCAL: Final = 3
"""Levels of brackets in one line that `_closed_line` matches."""


# In the expressions below, what is repeated possessively and looks around is atomic,
# `(?:(?>...))++`: Python 3.11.2 otherwise ends a match too early.


@cache  # most texts are decided without it
def _closed_line() -> re.Pattern[str]:
    """A line with one pair of brackets around at most two levels of others, without quotes, and
    without a comment inside: it leaves no bracket open, whatever surrounds it. Outside of brackets
    its first ones may belong to a plain scalar; then the others close at least as many as they
    open.
    """
    plain = r"[^\[\]{}\"'#\r\n]*+"
    pair = rf"[\[{{]{plain}[\]}}]"
    for _ in range(_LOCAL - 1):
        pair = rf"[\[{{]{plain}(?:{pair}{plain})*+[\]}}]"
    around = r"[^\[\]{}\"'\r\n]*+"
    return re.compile(rf"^{around}{pair}{around}$", re.MULTILINE)


_BLOCK: Final = re.compile(
    r"""
    (?P<space> [\ \t]++ | \#[^\r\n]*+ )
  | (?P<end> [\r\n]++ )
  | (?P<mark> [-?:] (?= \s | \Z ) )
  | (?P<quoted> '(?:[^']++|'')*+'? | "(?:[^"\\]++|\\.)*+"? )
  | (?P<open> [\[{] )
  | (?P<close> [\]}] )
  | (?P<name> [&*][0-9A-Za-z_-]*+ | ![^\s,\[\]{}]*+ )
  | (?P<scalar> [|>] )
  | (?P<plain> (?: (?> [^\r\n:\#]++ | : (?! \s | \Z ) | (?<! \s ) \# ) )++ )
    """,
    re.VERBOSE | re.DOTALL,
)
"""What a token may be outside of brackets."""
_INSIDE: Final = re.compile(
    r"""
    (?: \s++ | \#[^\r\n]*+ | [,:?]
      | '(?:[^']++|'')*+'? | "(?:[^"\\]++|\\.)*+"?
      | [&*][0-9A-Za-z_-]*+ | ![^\s,\[\]{}]*+
      | (?: (?> [^,\[\]{}:\#]++ | : (?! [\s,\[\]{}] | \Z ) | (?<! \s ) \# ) )++
    )*+
    """,
    re.VERBOSE | re.DOTALL,
)
"""What is inside brackets up to the next one: spaces, comments, scalars, anchors and tags."""
_PLAIN: Final = re.compile(r"(?:(?>[^\r\n:#]++|:(?!\s|\Z)|(?<!\s)#))++")
_DOCUMENT: Final = re.compile(r"(?:---|\.\.\.)(?=\s|\Z)")
_HEADER: Final = re.compile(r"[-+]?([1-9])?[-+]?[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_BREAK: Final = re.compile(r"\r\n|[\r\n]")
_LEADING: Final = re.compile(r"(?:[ \t]*(?:\r\n|[\r\n]))*+( *)(?![\r\n])")
"""Blank lines, and the indentation of the line after them."""
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|[\r\n]|\Z)")


def deeper_than(text: str, levels: int) -> tuple[int, int] | None:
    """The span (start, end) of the first bracket or entry that exceeds the level limit; None where
    nothing does. Takes linear time.
    """
    if levels >= 2 * _FEW and _has_few_brackets(text) and _INDENTED.search(text) is None:
        return None
    return _Scan(text, levels).run()


def _has_few_brackets(text: str) -> bool:
    """Whether at most `_FEW` brackets can be open at once."""
    if _brackets(text) <= _FEW:
        return True
    return _brackets(_closed_line().sub("", text)) <= _FEW - _LOCAL


def _brackets(text: str) -> int:
    return text.count("[") + text.count("{")


class _Scan:
    """One text, scanned token by token."""

    def __init__(self, text: str, levels: int) -> None:
        self.text = text
        self.levels = levels
        self.at = 0
        self.line = 0
        """Where the line of the token starts."""
        self.indents: list[int] = []
        """The columns of the mappings and lists in block style that are open."""
        self.flow = 0
        """How many brackets are open."""
        self.key: int | None = None
        """The token on this line that a `:` would make a key."""

    def run(self) -> tuple[int, int] | None:
        text, end = self.text, len(self.text)
        found: tuple[int, int] | None = None
        while self.at < end and found is None:
            if self.flow:
                found = self._in_brackets()
            elif match := _BLOCK.match(text, self.at):
                found = self._in_block(match)
            else:  # a character that starts no token: the parser reports it
                self.at += 1
        return found

    def _in_brackets(self) -> tuple[int, int] | None:
        """The next bracket inside of one."""
        at = _after(_INSIDE, self.text, self.at)
        self.at = at + 1
        sign = self.text[at : at + 1]
        if sign in ("[", "{"):
            return self._opened(at)
        if sign in ("]", "}"):
            self.flow -= 1
            if not self.flow:
                self._new_line()
        return None

    def _opened(self, at: int) -> tuple[int, int] | None:
        self.flow += 1
        return (at, at + 1) if self.flow + len(self.indents) > self.levels else None

    def _in_block(self, match: re.Match[str]) -> tuple[int, int] | None:
        kind, start = match.lastgroup, match.start()
        self.at = match.end()
        if kind == "space":
            return None
        if kind == "end":
            self.line, self.key = self.at, None
            return None
        if start == self.line and self._is_outside(start):
            return None
        while self.indents and self.indents[-1] > start - self.line:
            self.indents.pop()
        if kind == "mark":
            return self._mark(start)
        if kind == "scalar":
            self._skip_block_scalar()
            return None
        if self.key is None:
            self.key = start
        if kind == "open":
            return self._opened(start)
        if kind == "plain":
            self._skip_continued()
        elif kind == "quoted":
            self._new_line()
        return None

    def _is_outside(self, start: int) -> bool:
        """Whether a line is the end of a document, or a directive; it is passed over."""
        if self.text.startswith("%", start):
            self.at = _after(_LINE, self.text, start)
            self.line = self.at
            return True
        document = _DOCUMENT.match(self.text, start)
        if document is None:
            return False
        self.at = document.end()
        self.indents.clear()
        return True

    def _mark(self, start: int) -> tuple[int, int] | None:
        """A `-`, `?` or `:`: a list or a mapping starts there, or where the key before it does."""
        opened = start if self.key is None or self.text[start] != ":" else self.key
        self.key = None
        column = opened - self.line
        if self.indents and self.indents[-1] >= column:
            return None
        self.indents.append(column)
        return (opened, opened) if len(self.indents) > self.levels else None

    def _new_line(self) -> None:
        """Records where the current line starts after a token that may span several lines. A
        token that does cannot become a key.
        """
        line = self._line_start(self.at)
        if line != self.line:
            self.line, self.key = line, None

    def _line_start(self, at: int) -> int:
        found = max(self.text.rfind("\n", self.line, at), self.text.rfind("\r", self.line, at))
        return found + 1 if found >= 0 else self.line

    def _skip_continued(self) -> None:
        """A plain scalar continues in lines that are indented further than its parent."""
        text = self.text
        least = (self.indents[-1] if self.indents else -1) + 1
        while _BREAK.match(text, self.at):
            leading = _LEADING.match(text, self.at)
            assert leading is not None
            start, column = leading.end(), leading.end() - leading.start(1)
            if column < least or text.startswith("#", start):
                return
            if not column and _DOCUMENT.match(text, start):
                return
            plain = _PLAIN.match(text, start)
            if plain is None:
                return
            self.at, self.line, self.key = plain.end(), leading.start(1), None

    def _skip_block_scalar(self) -> None:
        """The lines of a block scalar after `|` or `>`."""
        text = self.text
        header = _HEADER.match(text, self.at)
        if header is None:
            return  # the parser reports what is wrong with it
        parent = self.indents[-1] if self.indents else -1
        self.at = _after(_BREAK, text, header.end())
        if header[1]:
            least = max(parent, 0) + int(header[1])
        else:
            leading = _LEADING.match(text, self.at)
            assert leading is not None
            least = max(len(leading[1]), parent + 1, 1)
        inside = re.compile(rf"(?:[ ]{{{least}}}[^\r\n]*(?:\r\n|[\r\n]|\Z)|[ ]*(?:\r\n|[\r\n]))*+")
        self.at = _after(inside, text, self.at)
        self.line, self.key = self.at, None


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a match ends; the place itself where there is none."""
    found = pattern.match(text, at)
    return found.end() if found else at
