"""Repairs JSON text where the reader stops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diagnostics import Checked, Diagnostic, Fault
from .json_reader import compose
from .node import Document, Mapping
from .reader import Reading
from .repair import Repairing
from .repair_brackets import CLOSING, Repair, Scan
from .repair_lines import Lines, as_written

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_KEY: Final = re.compile(r'"(?:[^"\\]|\\.)*"\s*:')
_ONLY_KEY: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


class JsonRepairing(Repairing):
    """The repairs of JSON text."""

    _root: Mapping | None = None

    def read(self, reading: Reading) -> bool:
        try:
            self._root = compose(reading)
        except Fault:
            last = reading.found[-1]
        else:
            return False
        if last.code == "MS108" or last.span is None:
            return False
        number = last.span.line - 1
        repair = self.first(self._possible(last, number))
        places = self.lines.map()
        return self.apply(number, repair, lambda: as_written(last, places, self.source))

    def document(self, reading: Reading) -> Checked[Document | None] | None:
        return None if self._root is None else self.result(self._root, reading, [])

    def _possible(self, last: Diagnostic, number: int) -> Iterator[Repair | None]:
        """Repairs because of an error on a line, the smallest first."""
        if self.tried.get(number, 0) < 2:
            for line in (self.lines.before(number), number, self._opening(number)):
                yield None if line is None else regular(self.lines, line)
            yield Scan(self.lines).repair(0, number)
            yield self._smallest(last)
        for line in (number, self.lines.before(number)):
            if line is not None and not self.lines.is_empty(line):
                yield Repair(line, "", 0, blank=True)

    def _opening(self, number: int) -> int | None:
        """The line above that opens what contains a line, or what a bracket on it closes."""
        closes = self.lines[number].lstrip()[:1] in ("]", "}")
        most = self.lines.indent(number) - (0 if closes else 1)
        above = self.lines.before(number)
        while above is not None and self.lines.indent(above) > most:
            above = self.lines.before(above)
        return above

    def _smallest(self, last: Diagnostic) -> Repair | None:
        """What the message asks for, with `null` for a value that is missing or wrong."""
        assert last.span is not None
        message = last.message
        if "no comma after the last" in message:
            return self._replaced(last, " ")
        if "is expected after key" in message:
            return self._after_content(last, ": null")
        if "where a value is expected" in message:
            return self._after_content(last, " null")
        if "is not in quotes" in message:
            return self._replaced(last, f'"{last.span.text}"')
        if "where `,` or" in message:
            closes = last.span.text in ("]", "}")
            return self._replaced(last, " ") if closes else self._after_content(last, ",")
        return self._replaced(last, "null") if "is not" in message else None

    def _replaced(self, last: Diagnostic, text: str) -> Repair:
        assert last.span is not None
        number, start = last.span.line - 1, last.span.column - 1
        line = self.lines[number]
        end = start + last.span.end - last.span.start
        return Repair(number, line[:start] + text + line[end:], start)

    def _after_content(self, last: Diagnostic, text: str) -> Repair:
        """The last line with content before the place, with more text."""
        assert last.span is not None
        source = last.span.source
        end = len(source.text[: last.span.start].rstrip())
        number, column = source.place(end)[0] - 1, source.place(end)[1] - 1
        line = self.lines[number]
        return Repair(number, line[:column] + text + line[column:], column)


# A line as its neighbours need it -----------------------------------------------------------------


def regular(lines: Lines, number: int) -> Repair | None:
    """A line of JSON with what it lacks, by the indentation of the line below: `"units` becomes
    `"units": null,`. None if the line lacks nothing, or is not written as JSON is indented.
    """
    written, below = lines[number].rstrip(), lines.after(number)
    if below is None or not written.strip():
        return None
    text, opened = _closed(written)
    if text is None or (opened and written.strip()[0] in "]}"):
        return None
    following = lines[below].lstrip()
    closes = following[:1] in ("]", "}")
    inside = lines.indent(below) > lines.indent(number)
    key = _ONLY_KEY.fullmatch(text.strip().rstrip(",")) is not None and not _in_list(lines, number)
    if key:
        text = text.rstrip(", ") + ":"
    if inside and not opened:
        text = text.rstrip(", ") + (" {" if _KEY.match(following) else " [")
    elif opened and not inside and not closes:
        text += "".join(CLOSING[one] for one in reversed(opened))
    elif text.endswith(":"):
        text += " null"
    if not inside and not (opened and closes):
        text = text.rstrip(", ") + ("" if closes else ",")
    return None if text == written else Repair(number, text, len(written))


def _closed(text: str) -> tuple[str | None, list[str]]:
    """A line with its string closed, and the brackets that are open after it; None if it closes
    other brackets than its own before its end.
    """
    opened: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == '"':
            string = _STRING.match(text, at)
            if string is None:
                return text + '"', opened
            at = string.end()
            continue
        if text[at] in CLOSING:
            opened.append(text[at])
        elif text[at] in "]}":
            if opened and CLOSING[opened[-1]] == text[at]:
                opened.pop()
            elif text[:at].strip():
                return None, []
        at += 1
    return text, opened


def _in_list(lines: Lines, number: int) -> bool:
    """Whether a line is an item of a list: the line above that opens its bracket says so."""
    indent, above = lines.indent(number), lines.before(number)
    while above is not None and lines.indent(above) >= indent:
        above = lines.before(above)
    return above is not None and lines[above].rstrip().endswith("[")
