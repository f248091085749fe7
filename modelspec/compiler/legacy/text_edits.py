"""Edits of the text of a mapping that preserve its layout: block or flow style, JSON or YAML,
comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from modelspec.core.diagnostics import Edit, Span
from modelspec.core.source import Entry, Mapping

_COMMA = re.compile(r"[ \t]*,[ \t]*")
_BLANK_TO_COMMENT = re.compile(r"[ \t]*#")
_REST = re.compile(r"[ \t]*(\r\n|\r|\n|$)")
_ALIAS = re.compile(r"\s*:[ \t]*(\*[^\s,\[\]{}]+)?")


def word(span: Span, old: str, new: str) -> Edit | None:
    """Another word instead of a key or a string, in its quotes; None if the span does not contain
    the word itself.
    """
    text = span.text
    quote = text[:1] if text[:1] in ("'", '"') else ""
    if text != f"{quote}{old}{quote}":
        return None
    return Edit(span, f"{quote}{new}{quote}")


def written(value: Any, like_json: bool) -> str:
    """A value in flow style."""
    if like_json:
        return json.dumps(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {written(item, False)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(item, False) for item in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def is_json(span: Span) -> bool:
    """Whether keys are in double quotes around here."""
    return span.text.startswith('"')


class Layout:
    """The text of one mapping. Every method returns None if the text does not consist of its
    entries only.
    """

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.text = mapping.span.source.text
        self.flow = self.text[mapping.span.start : mapping.span.start + 1] == "{"

    def remove(self, key: str) -> Edit | None:
        """Without the entry; a comment after it is kept."""
        entry = self.mapping.entries[key]
        if not self._stands_here(entry, key):
            return None
        start, end = entry.key_span.start, self._end(entry)
        return self._from_flow(start, end) if self.flow else self._from_block(start, end)

    def remove_all(self, keys: list[str]) -> tuple[Edit | None, ...]:
        """Without several entries; neighbors in flow style are removed together, so that no comma
        remains.
        """
        if not self.flow:
            return tuple(self.remove(key) for key in keys)
        runs: list[list[str]] = []
        order = list(self.mapping.entries)
        for key in sorted(keys, key=order.index):
            if runs and order.index(runs[-1][-1]) + 1 == order.index(key):
                runs[-1].append(key)
            else:
                runs.append([key])
        return tuple(self._remove_run(run) for run in runs)

    def _remove_run(self, keys: list[str]) -> Edit | None:
        first, last = (self.mapping.entries[key] for key in (keys[0], keys[-1]))
        start, end = first.key_span.start, self._end(last)
        here = all(self._stands_here(self.mapping.entries[key], key) for key in keys)
        if not here or (len(keys) > 1 and "#" in self.text[start:end]):
            return None
        return self._from_flow(start, end)

    def replace(self, key: str, entries: Iterable[tuple[str, str]]) -> Edit | None:
        """Replaces one entry with others (key and text of the value)."""
        entry = self.mapping.entries[key]
        if not self._stands_here(entry, key):
            return None
        return Edit(
            self._span(entry.key_span.start, self._end(entry)),
            self._joined(entries, entry.key_span),
        )

    def insert(self, entries: list[tuple[str, str]]) -> Edit | None:
        """More entries before the first one."""
        first = next(iter(self.mapping.entries.items()), None)
        if first is None:
            at = self.mapping.span.start + 1
            quoted = self.text.lstrip().startswith("{")
            text = ", ".join(
                f'"{key}": {value}' if quoted else f"{key}: {value}" for key, value in entries
            )
            return Edit(self._span(at, at), text) if self.flow else None
        key, entry = first
        if not self._stands_here(entry, key):
            return None
        at = entry.key_span.start
        between = self._separator(entry.key_span)
        if self.flow and not self.text[entry.key_span.source.line_start(at) : at].strip(" \t"):
            between = ",\n" + " " * (entry.key_span.column - 1)
        return Edit(self._span(at, at), self._joined(entries, entry.key_span) + between)

    def _span(self, start: int, end: int) -> Span:
        return Span(self.mapping.span.source, start, end)

    def _stands_here(self, entry: Entry, key: str) -> bool:
        """Whether the entry is written in the mapping itself, not merged into it or made by an
        expression.
        """
        span, whole = entry.key_span, self.mapping.span
        inside = (
            whole.start <= span.start and span.end <= whole.end and span.source.text is self.text
        )
        return inside and span.text.strip("'\"") == key

    def _end(self, entry: Entry) -> int:
        """Where an entry ends; the value of an alias is written elsewhere."""
        value, key = entry.value.span, entry.key_span
        alias = _ALIAS.match(self.text, key.end)
        behind = alias.end() if alias else key.end
        if (alias and alias[1]) or not key.end <= value.start <= self.mapping.span.end:
            return behind
        empty = value.start == value.end
        return len(self.text[:behind].rstrip()) if empty else value.end

    def _joined(self, entries: Iterable[tuple[str, str]], like: Span) -> str:
        quote = '"' if is_json(like) else ""
        return self._separator(like).join(f"{quote}{key}{quote}: {value}" for key, value in entries)

    def _separator(self, like: Span) -> str:
        return ", " if self.flow else "\n" + " " * (like.column - 1)

    def _from_flow(self, start: int, end: int) -> Edit:
        """With the comma after it, or, for the last entry, the comma before it."""
        if comma := _COMMA.match(self.text, end):
            end = comma.end()
            start, end = self._whole_line(start, end) or (start, end)
        else:
            before = self.text[:start].rstrip()
            if before.endswith(",") and "#" not in self.text[len(before) : start]:
                start = len(before) - 1
        return Edit(self._span(start, end), "")

    def _from_block(self, start: int, end: int) -> Edit | None:
        source = self.mapping.span.source
        if self.text[source.line_start(start) : start].strip(" \t"):
            return None
        if comment := _BLANK_TO_COMMENT.match(self.text, end):
            return Edit(self._span(start, comment.end() - 1), "")
        whole = self._whole_line(start, end)
        return Edit(self._span(*whole), "") if whole else None

    def _whole_line(self, start: int, end: int) -> tuple[int, int] | None:
        """Start and end of the lines of an entry, if no other entry is on them."""
        begins = self.mapping.span.source.line_start(start)
        rest = _REST.match(self.text, end)
        return (begins, rest.end()) if rest and not self.text[begins:start].strip(" \t") else None


def value_text(entry: Entry) -> str | None:
    """The text of a single-line value, for use in another place; None if it is not that simple."""
    text = entry.value.span.text
    simple = (
        entry.value.span.source.text is entry.key_span.source.text
        and "\n" not in text
        and "\r" not in text
    )
    if not simple or not text or text[0] in "&*|>":
        return None
    return text
