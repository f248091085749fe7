"""Finds the line on which a bracket or a quote was left open, and completes it.

Lines are scanned as YAML's scanner does, with one difference: what is open at the end of a line is
compared with the line below, so that an open bracket does not take in the rest of the file.
"""

from __future__ import annotations

import re
from typing import Final

from ..diagnostics import Fault
from ..records import NamedTuple
from .repair_lines import Lines

CLOSING: Final = {"[": "]", "{": "}"}
_BLOCK: Final = re.compile(
    r"""
    (?P<space> [ \t]++ ) | (?P<comment> (?<![^ \t]) \#.*+ )
  | (?P<mark> [-?:] (?= [ \t] | $ ) )
  | (?P<quoted> '(?:[^']++|'')*+' | "(?:[^"\\]++|\\.)*+" )
  | (?P<quote> ['"] )
  | (?P<open> [\[{] )
  | (?P<name> [&*!][^\s,\[\]{}]*+ )
  | (?P<plain> (?: (?> [^:\#]++ | : (?! [ \t] | $ ) | (?<! [ \t] ) \# ) )++ )
    """,
    re.VERBOSE,
)
_FLOW: Final = re.compile(
    r"""
    (?P<space> [ \t]++ ) | (?P<comment> (?<![^ \t]) \#.*+ )
  | (?P<mark> [,?:] )
  | (?P<quoted> '(?:[^']++|'')*+' | "(?:[^"\\]++|\\.)*+" )
  | (?P<quote> ['"] )
  | (?P<open> [\[{] ) | (?P<close> [\]}] )
  | (?P<name> [&*!][^\s,\[\]{}]*+ )
  | (?P<plain> (?: (?> [^,\[\]{}:\#]++ | : (?! [ \t,\[\]{}] | $ ) | (?<! [ \t] ) \# ) )++ )
    """,
    re.VERBOSE,
)
_SIGNS: Final = re.compile(r"""[\[\]{}]|'(?:[^']|'')*+'|"(?:[^"\\]|\\.)*+"|(?<!\S)#.*""")
"""Brackets, and what contains none."""
_MOST_BELOW: Final = 200
"""Lines below that are searched for the end of a bracket."""
_KEY: Final = re.compile(r"[ ]*(?:\"[^\"]*\"|'[^']*'|[A-Za-z_][\w.$-]*)[ ]*:(?=\s|$)")
_STRAY: Final = re.compile(r"([ ]*(?:- )*)([\"'\[{])([A-Za-z_][\w.$-]*:(?=\s*$|[^\"'\]}]*$))")
"""A bracket or a quote before a key."""
_BLOCK_SCALAR: Final = re.compile(r"(?:^|[-:] )[ ]*[|>][-+0-9]{0,2}[ ]*$")


class Opened(NamedTuple):
    """A bracket or a quote that is open."""

    sign: str
    line: int
    column: int


class Repair(NamedTuple):
    """A line to be replaced. The text was completed, or is missing, from column `cut` on."""

    line: int
    text: str
    cut: int
    blank: bool = False
    opened: Opened | None = None
    """What was left open on the line."""
    fault: Fault | None = None
    """What is wrong with this line, if the parser may stop at a later one."""


class Scan:
    """Reads lines from one outside of brackets on, until something is found open that should be
    closed.
    """

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.open: list[Opened] = []
        self.quote: Opened | None = None
        self.number = 0
        """The line that is read."""
        self.end = 0
        """The column where its content ends, as far as it is read."""

    def repair(self, first: int, last: int) -> Repair | None:
        """The first repair of lines from `first` on; None if all is closed after line `last`."""
        number = first
        while number < len(self.lines) and (number <= last or self.open or self.quote):
            found = self._line(number) or self._line_end(number)
            if found is not None:
                return found
            number = self._after_block_scalar(number)
        return None

    def _after_block_scalar(self, number: int) -> int:
        """The line after this one, or after the text below `|` or `>`."""
        following = number + 1
        if self.open or self.quote or not _BLOCK_SCALAR.search(self.lines[number]):
            return following
        indent = self.lines.indent(number)
        while following < len(self.lines) and (
            not self.lines[following].strip() or self.lines.indent(following) > indent
        ):
            following += 1
        return following

    # One line -------------------------------------------------------------------------------------

    def _line(self, number: int) -> Repair | None:
        text, at = self.lines[number], 0
        self.number, self.end = number, 0
        if self.quote is not None:
            at = self._closing_quote(text, self.quote.sign)
        while 0 <= at < len(text):
            match = (_FLOW if self.open else _BLOCK).match(text, at)
            if match is None:
                at += 1
                self.end = at
                continue
            kind = match.lastgroup
            if kind == "comment":
                break
            if kind != "space":
                self.end = match.end()
            if kind == "open":
                self.open.append(Opened(match[0], number, at))
            elif kind == "close":
                wrong = self._close(match[0], number, at)
                if wrong is not None:
                    return wrong
            elif kind == "quote":
                self.quote = Opened(match[0], number, at)
                self.end = len(text.rstrip())
                return None
            at = match.end()
        return None

    def _closing_quote(self, text: str, quote: str) -> int:
        """The offset after the quote that is open; -1 if it is not closed."""
        inside = r"(?:[^'\n]|'')*'" if quote == "'" else r'(?:[^"\\]|\\.)*"'
        match = re.match(inside, text)
        self.end = match.end() if match else len(text.rstrip())
        if match is None:
            return -1
        self.quote = None
        return match.end()

    def _close(self, sign: str, number: int, at: int) -> Repair | None:
        """Close a bracket. One that closes an outer bracket shows which inner one was left open."""
        if self.open and CLOSING[self.open[-1].sign] == sign:
            self.open.pop()
            return None
        text = self.lines[number]
        inner = self._inside_of(sign)
        if inner is None:
            return Repair(number, text[:at] + " " + text[at + 1 :], at)
        if inner[0].line == number:
            missing = "".join(CLOSING[one.sign] for one in reversed(inner))
            return Repair(number, _inserted(text, at, missing), at)
        return self._complete(inner[0].line, [one for one in inner if one.line == inner[0].line])

    def _inside_of(self, sign: str) -> list[Opened] | None:
        """The brackets inside of the one that a sign closes; None if no bracket is."""
        for index in range(len(self.open) - 1, -1, -1):
            if CLOSING[self.open[index].sign] == sign:
                return self.open[index + 1 :]
        return None

    # The end of a line ----------------------------------------------------------------------------

    def _line_end(self, number: int) -> Repair | None:
        if not self.open and self.quote is None:
            return None
        following = self.lines.after(number)
        if self.quote is not None:
            broken = following is None or self.lines.is_entry(following)
            return self._complete(self.quote.line, self._own(self.quote.line)) if broken else None
        if self.lines.is_empty(number):
            return None
        if following is None or self._is_outside(following):
            return self._never_closed(number)
        return self._complete(number, self._own(number)) if self._ends_early(number) else None

    def _own(self, number: int) -> list[Opened]:
        """The brackets to be closed on a line: those that were opened on it, and are not closed
        below.
        """
        outer = sum(one.line < number for one in self.open)
        signs = self._closed_below(number)
        kept = outer
        for count in range(outer + 1, len(self.open) + 1):
            needed = [CLOSING[one.sign] for one in reversed(self.open[:count])]
            if needed == signs[:count]:
                kept = count
        return self.open[kept:]

    def _closed_below(self, number: int) -> list[str]:
        """The closing brackets below a line whose opening ones are not below it."""
        found: list[str] = []
        depth = 0
        for line in range(number + 1, min(len(self.lines), number + _MOST_BELOW)):
            if self.lines.is_empty(line):
                continue
            if not self.open or self._is_outside(line):
                break
            for match in _SIGNS.finditer(self.lines[line]):
                sign = match[0]
                if sign in CLOSING:
                    depth += 1
                elif sign in ("]", "}"):
                    depth -= 1
                    if depth < 0:
                        found.append(sign)
                        depth = 0
        return found

    def _is_outside(self, following: int) -> bool:
        """Whether a line is an entry beside, or outside of, that of the outermost bracket."""
        first = self.open[0].line
        return self.lines.is_entry(following) and self.lines.indent(following) <= (
            self.lines.indent(first)
        )

    def _never_closed(self, number: int) -> Repair:
        """The brackets are not closed up to a line that is outside: close them on this line."""
        text = self.lines[number]
        closing = "".join(CLOSING[one.sign] for one in reversed(self.open))
        return Repair(number, _inserted(text, self.end, closing), self.end, opened=self.open[-1])

    def _ends_early(self, number: int) -> bool:
        """Whether a line inside of brackets ends where neither an entry ends nor a bracket opens,
        and the line below does not go on with it.
        """
        text = self.lines[number][: self.end].rstrip()
        following = self.lines.after(number)
        assert following is not None
        below = self.lines[following].lstrip()
        if not text or text[-1] in ",[{" or below[:1] in ("]", "}", ","):
            return False
        return text[-1] != ":" or _KEY.match(below) is not None

    def _complete(self, number: int, own: list[Opened]) -> Repair:
        """A line with its quote and its brackets closed; a comma follows inside of others."""
        text = self.lines[number]
        stray = _STRAY.match(text)
        if stray is not None:  # a key follows that has its own value
            found = stray[1] + stray[3] + text[stray.end() :]
            before = Opened(stray[2], number, len(stray[1]))
            return Repair(number, found, len(stray[1]), opened=before)
        quote = self.quote.sign if self.quote is not None and self.quote.line == number else ""
        end = self.end if number == self.number and not quote else _content_end(text, bool(quote))
        closing = quote + "".join(CLOSING[one.sign] for one in reversed(own))
        outer = [one for one in self.open if one.line < number]
        if outer or any(one.line == number and one not in own for one in self.open):
            closing += ","
        opened = self.quote if quote else own[-1] if own else None
        return Repair(number, _inserted(text, end, closing), end, opened=opened)


def _inserted(text: str, at: int, closing: str) -> str:
    """The text with closing brackets; a colon before them has to be followed by a space."""
    space = " " if text[:at].endswith(":") else ""
    return text[:at] + space + closing + text[at:]


def _content_end(text: str, quoted: bool) -> int:
    """Where the content of a line ends: before a comment, except in quotes."""
    if not quoted and (comment := re.search(r"\s#", text)) is not None:
        return len(text[: comment.start()].rstrip())
    return len(text.rstrip())
