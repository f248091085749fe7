"""Parses JSON into nodes, with the place of every key and value, and a message for every error.

Source: RFC 8259. Python's reader keeps no places, takes the last of two equal keys, and reads
`NaN`.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from ..diagnostics import Fault, Note, Span
from ..diagnostics.derived import derive
from . import budgets, json_faults, scalars
from .node import Entry, Mapping, Node, Scalar, Sequence
from .reader import Reading, too_deep, too_many_nodes

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*"')
_ESCAPED = re.compile(r'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_PAIRED = re.compile(
    r"(?:(?>[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB]..\\u[dD][c-fC-F]..))*+"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAK = re.compile(r"[\r\n]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?![\w.])")
_SPECIAL = re.compile(r"-?(?:NaN|Infinity)\b")
_LITERALS: Final[dict[str, tuple[str, bool | None]]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
}


def compose(reading: Reading) -> Mapping | None:
    """The mapping in the text, or None where the top level is not a mapping. Raises `Fault` where
    reading had to stop.
    """
    try:
        return Reader(reading).document()
    except Fault as fault:
        fault.with_traceback(None)  # its frames contain it: a cycle, which would keep all nodes
        raise


class Reader:
    """One text, read from `at` on. Recurses once per level; the levels are limited."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.text = reading.source.text
        self.at = 0

    def document(self) -> Mapping | None:
        text, reading = self.text, self.reading
        self.space()
        if self.at == len(text):
            reading.report(json_faults.empty_file(), reading.span(0, 0))
            return None
        root = self.value(1)
        self.space()
        if self.at < len(text):
            reading.stop(json_faults.after_end(text, self.at), reading.span(self.at, self.at + 1))
        if isinstance(root, Mapping):
            return root
        reading.report(json_faults.not_a_mapping(root), root.span)
        return None

    def space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        if match:
            self.at = match.end()

    def value(self, level: int) -> Node:
        """The value at `at`; `level` is its level if it is an object or an array."""
        start, text, reading = self.at, self.text, self.reading
        reading.nodes += 1
        if reading.nodes > budgets.NODES:
            reading.stop(too_many_nodes(), reading.span(start, start + 1))
        first = text[start : start + 1]
        if first == '"':
            return Scalar(self.string(), Span(reading.source, start, self.at))
        if first == "{" or first == "[":
            if level > budgets.LEVELS:
                reading.stop(too_deep(), reading.span(start, start + 1))
            return self.mapping(level) if first == "{" else self.sequence(level)
        return self.literal(first)

    def literal(self, first: str) -> Scalar:
        start, text, reading = self.at, self.text, self.reading
        word, value = _LITERALS.get(first, ("", None))
        if (
            word
            and text.startswith(word, start)
            and not text[start + len(word) : start + len(word) + 1].isalnum()
        ):
            self.at = start + len(word)
            return Scalar(value, Span(reading.source, start, self.at), True)
        number = _NUMBER.match(text, start)
        if number:
            self.at = number.end()
            span = Span(reading.source, start, self.at)
            parsed, fault = (
                scalars.real(number[0]) if number["float"] else scalars.integer(number[0], 10)
            )
            if fault:
                reading.report(fault, span)
                span = derive(span, silent=True)  # a placeholder for what was written
            return Scalar(parsed, span, True)
        special = _SPECIAL.match(text, start)
        if not special:
            fault, length = json_faults.no_value(text, start)
            self.stop(fault, start, start + length)
        self.at = special.end()
        span = reading.span(start, self.at)
        reading.report(json_faults.not_finite(special[0]), span)
        return Scalar(1.0, derive(span, silent=True), True)

    def sequence(self, level: int) -> Sequence:
        start = self.at
        items: list[Node] = []
        self.at += 1
        self.space()
        if self.text[self.at : self.at + 1] == "]":
            self.at += 1
            return Sequence((), self.reading.span(start, self.at))
        while True:
            items.append(self.value(level + 1))
            if self.ends(start, "]"):
                return Sequence(tuple(items), self.reading.span(start, self.at))

    def mapping(self, level: int) -> Mapping:
        start, reading = self.at, self.reading
        entries: dict[str, Entry] = {}
        self.at += 1
        self.space()
        if self.text[self.at : self.at + 1] == "}":
            self.at += 1
            return Mapping(entries, reading.span(start, self.at))
        while True:
            key_start = self.at
            if self.text[key_start : key_start + 1] != '"':
                self.wrong_key(start)
            reading.nodes += 1
            key = self.string()
            key_span = Span(reading.source, key_start, self.at)
            self.space()
            if self.text[self.at : self.at + 1] != ":":
                self.stop(json_faults.no_colon(self.text, self.at, key), self.at, self.at + 1)
            self.at += 1
            self.space()
            reading.put(entries, key, key_span, self.value(level + 1))
            if self.ends(start, "}"):
                return Mapping(entries, reading.span(start, self.at))

    def ends(self, opened: int, bracket: str) -> bool:
        """Whether the closing bracket follows; past a comma otherwise."""
        self.space()
        following = self.text[self.at : self.at + 1]
        if following == bracket:
            self.at += 1
            return True
        if not following:
            self.stop(json_faults.never_closed(self.text[opened], bracket), opened, opened + 1)
        if following != ",":
            fault = json_faults.no_comma(self.text, self.at, bracket)
            self.stop(fault, self.at, self.at + 1, self.opening(opened))
        comma = self.at
        self.at += 1
        self.space()
        if self.text[self.at : self.at + 1] in ("]", "}"):
            self.stop(json_faults.trailing_comma(), comma, comma + 1)
        return False

    def string(self) -> str:
        """The string that opens at `at`."""
        start, text = self.at, self.text
        match = _PLAIN.match(text, start + 1)
        if match:
            self.at = match.end()
            return text[start + 1 : self.at - 1]
        match = _ESCAPED.match(text, start + 1)
        if not match:
            self.unclosed(start)
        self.at = match.end()
        try:
            value = json.loads(text[start : self.at])
        except json.JSONDecodeError as error:
            self.bad_string(start, start + error.pos)
        assert isinstance(value, str)
        if not value.isascii() and _SURROGATE.search(value):
            pairs = _PAIRED.match(text, start)
            lone = pairs.end() if pairs else start
            self.reading.report(json_faults.lone_surrogate(), self.reading.span(lone, lone + 6))
            value = _SURROGATE.sub("\ufffd", value)
        return value

    def unclosed(self, start: int) -> NoReturn:
        """A string without an end: it stops at the end of its line, or has no closing quote."""
        broken = _BREAK.search(self.text, start)
        if broken:
            self.stop(
                json_faults.raw_character("\n"), broken.start(), broken.end(), self.opening(start)
            )
        self.stop(json_faults.never_closed('"', '"'), start, start + 1)

    def bad_string(self, start: int, at: int) -> NoReturn:
        """A string that contains a character or an escape that JSON does not allow."""
        if self.text[at] < " ":
            self.stop(json_faults.raw_character(self.text[at]), at, at + 1, self.opening(start))
        escape = self.text.rfind("\\", start, at + 1)
        self.stop(json_faults.bad_escape(self.text[escape + 1]), escape, escape + 2)

    def opening(self, start: int) -> Note:
        return Note("opened here", self.reading.span(start, start + 1))

    def wrong_key(self, opened: int) -> NoReturn:
        if self.at == len(self.text):
            self.stop(json_faults.never_closed("{", "}"), opened, opened + 1)
        fault, length = json_faults.no_key(self.text, self.at)
        self.stop(fault, self.at, self.at + length)

    def stop(self, fault: Fault, start: int, end: int, *notes: Note) -> NoReturn:
        self.reading.stop(fault, self.reading.span(start, min(end, len(self.text))), *notes)
