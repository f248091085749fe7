"""Diagnostics for people: the line, a caret under the fault, where the expectation comes from, an
edit that fixes it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from ...visible import cells, visible
from ..diagnostic import Diagnostic
from ..span import Source, Span

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_BLUE: Final = "\x1b[1;34m"
_STYLES: Final = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_CROP: Final = "..."
_SHOWN_LINES: Final = 4  # of a span; of a longer one the first two and the last
SHOWN: Final = 1_000
"""The most diagnostics that are shown; nobody reads more, and each takes time to lay out."""
_INDENT = re.compile(r"[ \t]*")


class Mark(NamedTuple):
    """A part of one line that is underlined: characters `start` to `end` of the line, with
    `sign`.
    """

    start: int
    end: int
    sign: str


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False, width: int = 120) -> str:
    """One after another, and a line with their counts. Lines of a file are cut to `width` columns.
    At most `SHOWN` are shown, errors first; the rest is counted.
    """
    found = list(diagnostics)
    shown = _shown(found)
    blocks = [block(diagnostic, color=color, width=width) for diagnostic in shown]
    if len(shown) < len(found):
        blocks.append(_rest(found, shown))
    return "\n\n".join([*blocks, count(found)]) + "\n"


def _shown(found: list[Diagnostic]) -> list[Diagnostic]:
    """Those that are shown, in their order."""
    if len(found) <= SHOWN:
        return found
    kinds = list(_STYLES)
    ranked = sorted(range(len(found)), key=lambda at: kinds.index(found[at].severity))
    return [found[at] for at in sorted(ranked[:SHOWN])]


def _rest(found: list[Diagnostic], shown: list[Diagnostic]) -> str:
    """How many of each code are not shown, and where to find them."""
    left = Counter(one.code for one in found)
    left.subtract(one.code for one in shown)
    codes = ", ".join(f"{left[code]:,} {code}" for code in sorted(left) if left[code])
    return (
        f"{len(found) - len(shown):,} more are not shown ({codes}); `modelspec check --format json`"
        " lists all"
    )


def block(diagnostic: Diagnostic, *, color: bool = False, width: int = 120) -> str:
    """One of them, with its place and its help."""
    return _Block(diagnostic, color, width).text()


def count(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; `no errors` without any."""
    numbers: Counter[str] = Counter(diagnostic.severity for diagnostic in diagnostics)
    parts = [
        f"{numbers[kind]} {kind}{'s'[: numbers[kind] != 1]}" for kind in _STYLES if numbers[kind]
    ]
    return ", ".join(parts) or "no errors"


class _Block:
    """Lays out one diagnostic."""

    def __init__(self, diagnostic: Diagnostic, color: bool, width: int) -> None:
        self.diagnostic = diagnostic
        self.color = color
        self.width = max(width, 20)
        self.style = _STYLES[diagnostic.severity]
        self.marks = _marks(diagnostic)
        self.gutter = len(str(max(self.marks))) if self.marks else 1

    def text(self) -> str:
        diagnostic, span = self.diagnostic, self.diagnostic.span
        title = self.painted(f"{diagnostic.severity}[{diagnostic.code}]", self.style)
        lines = [title + self.painted(f": {visible(diagnostic.message)}", _BOLD)]
        if span is not None:
            arrow = self.painted(" " * self.gutter + "-->", _BLUE)
            lines.append(f"{arrow} {visible(str(span))}")
            lines += self.excerpt(span.source)
        lines += self.footer()
        return "\n".join(lines)

    def excerpt(self, source: Source) -> list[str]:
        if not source.text:
            return []
        lines, before = [self.bar()], 0
        for number, (start, marks) in sorted(self.marks.items()):
            if before and number > before + 1:
                lines.append(self.painted(_CROP, _BLUE))
            before = number
            shown, shift = _cropped(source, start, marks, self.width)
            lines.append(f"{self.bar(str(number))} {visible(shown)}".rstrip())
            lines += [f"{self.bar()} {row}" for row in self.underlines(shown, marks, shift)]
        return lines

    def underlines(self, shown: str, marks: list[Mark], shift: int) -> list[str]:
        """The carets and dashes under a line: one row, and more only where they would cover each
        other.
        """
        rows: list[tuple[str, int]] = []
        for mark in sorted(marks, key=lambda mark: mark.start):
            start, end = max(mark.start - shift, 0), min(mark.end - shift, len(shown))
            column = cells(visible(shown[:start]))
            length = max(1, cells(visible(shown[start:end])))
            sign = self.painted(mark.sign * length, self.style if mark.sign == "^" else _BLUE)
            row, free = rows[-1] if rows and rows[-1][1] <= column else ("", 0)
            if row:
                rows.pop()
            rows.append((row + " " * (column - free) + sign, column + length))
        return [row for row, _ in rows]

    def footer(self) -> list[str]:
        diagnostic = self.diagnostic
        parts = [("note", str(note)) for note in diagnostic.notes]
        if diagnostic.help:
            parts.append(("help", diagnostic.help))
        elif diagnostic.suggestion:
            parts.append(("help", f"write `{diagnostic.suggestion}`"))
        return [line for kind, text in parts for line in self.remark(kind, text)]

    def remark(self, kind: str, text: str) -> list[str]:
        first, *others = text.split("\n")
        start = self.painted(" " * self.gutter + " =", _BLUE) + self.painted(f" {kind}:", _BOLD)
        indent = " " * (self.gutter + len(f" = {kind}: "))
        return [f"{start} {visible(first)}", *(f"{indent}{visible(other)}" for other in others)]

    def bar(self, number: str = "") -> str:
        return self.painted(f"{number:>{self.gutter}} |", _BLUE)

    def painted(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self.color else text


def _marks(diagnostic: Diagnostic) -> dict[int, tuple[int, list[Mark]]]:
    """By line number: the offset of the line, and what is underlined in it, the fault itself
    first.
    """
    marks: dict[int, tuple[int, list[Mark]]] = {}
    span = diagnostic.span
    if span is None:
        return marks
    places = [(span, "^")]
    places += [
        (note.span, "-")
        for note in diagnostic.notes
        if note.span and note.span.source is span.source
    ]
    for place, sign in places:
        for number, start, mark in _lines(place, sign):
            others = marks.setdefault(number, (start, []))[1]
            if mark not in others:
                others.append(mark)
    return marks


def _lines(span: Span, sign: str) -> list[tuple[int, int, Mark]]:
    """Number, offset and mark of each line of a span that is shown."""
    source = span.source
    first, last = source.place(span.start)[0], source.place(max(span.start, span.end - 1))[0]
    many = last - first >= _SHOWN_LINES
    shown, start = [], source.line_start(span.start)
    for number in (first, first + 1) if many else range(first, last + 1):
        shown.append((number, start, _mark(source, span, start, sign)))
        start = source.line_after(start)
    if many:
        start = source.line_start(span.end - 1)
        shown.append((last, start, _mark(source, span, start, sign)))
    return [entry for entry in shown if entry[0] == first or entry[2].end > entry[2].start]


def _mark(source: Source, span: Span, start: int, sign: str) -> Mark:
    indent = _INDENT.match(source.text, start)
    begin = span.start if span.start > start or indent is None else indent.end()
    end = min(span.end, source.line_end(start))
    return Mark(begin - start, end - start, sign)


def _cropped(source: Source, start: int, marks: list[Mark], width: int) -> tuple[str, int]:
    """The part of a line around what is marked in it, and how many characters it is shifted by."""
    length = source.line_end(start) - start
    if length <= width:
        return source.text[start : start + length], 0
    room = width - 2 * len(_CROP)
    first, last = min(mark.start for mark in marks), max(mark.end for mark in marks)
    begin = first - room // 3
    if last - first < room:
        begin = max(begin, last - room)
    begin = max(0, min(begin, length - room))
    part = source.text[start + begin : start + begin + room]
    after = _CROP if begin + room < length else ""
    return (_CROP + part + after, begin - len(_CROP)) if begin else (part + after, 0)
