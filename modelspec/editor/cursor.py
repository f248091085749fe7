"""Where the cursor is in a text that is being typed: the path of keys and positions to it, and
whether a key or a value is expected there.

A word that occurs nowhere in the text is written at the cursor, and the text is read. What the
user has not typed yet (a colon, a closing bracket) is added until the text can be read there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from modelspec.core.source import Node, Scalar, Sequence, kind_of, read_text

from .json_lists import without_other_json_items
from .long_lists import Cut, without_other_items
from .positions import Lines

Step: TypeAlias = "str | int"
Expected = Literal["key", "value", "either"]
"""`either`: the value of a key, or an item, of which nothing else is written."""

_WORD: Final = r"[^\s\[\]{},:\"'#&*!|>]*"
_LEFT: Final = re.compile(f"{_WORD}$")
_RIGHT: Final = re.compile(_WORD)
_ITEM: Final = re.compile(r"\s*(?:-\s+)*")
_SECTION: Final = re.compile(r"^[^\s#%-].*", re.MULTILINE)
_CLOSING: Final = {"[": "]", "{": "}"}


class Cursor(NamedTuple):
    """A place in a spec that a word is being written at."""

    path: tuple[Step, ...]
    """To the mapping that the key belongs to, or to the value."""
    expected: Expected
    start: int
    """Where the word starts, as an offset in the text."""
    end: int
    word: str
    """The characters of the word before the cursor."""
    siblings: tuple[str, ...]
    """The keys that the mapping at the path has already."""
    quoted: bool
    """Whether the word is inside quotes."""
    in_json: bool


def cursor_at(lines: Lines, name: str, offset: int) -> Cursor | None:
    """The place of the cursor; None in a comment, and where no reading of the text has the cursor
    in it.
    """
    text = lines.text
    line_start = text.rfind("\n", 0, offset) + 1
    left = text[line_start:offset]
    if _in_comment(left):
        return None
    word = _matched(_LEFT, left)
    start = offset - len(word)
    end = offset + len(_matched_at(_RIGHT, text, offset))
    mark = _unused(text)
    is_json = kind_of(name) == "json" or text.lstrip()[:1] == "{"
    typed = _Typed(text, start, end, mark, is_json)
    cut = typed.cut()
    for attempt in typed.attempts(cut):
        read = read_text(attempt, name, "yaml").value
        found = None if read is None else _find(read.root, mark)
        if found is not None:
            path, expected, siblings = found
            path = _in_whole_list(path, cut)
            if not path and not is_json:
                others = text[:line_start], text[lines.end(lines.position(offset).line) :]
                siblings = tuple(
                    match[0].partition(":")[0]
                    for part in others
                    for match in _SECTION.finditer(part)
                )
            quoted = text[start - 1 : start] in ("'", '"')
            return Cursor(path, expected, start, end, word, siblings, quoted, is_json)
    return None


class _Typed(NamedTuple):
    """A text, and the word in it that is being written."""

    text: str
    start: int
    end: int
    mark: str
    in_json: bool

    def attempts(self, cut: Cut) -> Iterator[str]:
        """Texts with the mark in place of the word, the most likely meaning first."""
        before, after, _ = cut
        line_end = after.find("\n")
        rest = after if line_end < 0 else after[:line_end]
        below = "" if line_end < 0 else after[line_end:]
        quote = before[-1:] if before[-1:] in ("'", '"') else ""
        if self._may_be_key(before.removesuffix(quote)) and rest.lstrip("'\"").lstrip()[:1] != ":":
            tail = rest.removeprefix(quote)
            yield f"{before}{self.mark}{quote}: 0{tail}{below}"
            yield f"{before}{self.mark}{quote}: 0{self._closers(before)}{below}"
            yield f"{before}{self.mark}{quote}: 0{self._closers(before)}"
        yield f"{before}{self.mark}{after}"
        closed = f"{before}{self.mark}{quote}{self._closers(before)}"
        yield f"{closed}{below}"
        yield closed

    def cut(self) -> Cut:
        """The text before and after the word, without what does not matter for it."""
        before, after = self._section()
        without = without_other_json_items if self.in_json else without_other_items
        return without(before, after)

    def _section(self) -> tuple[str, str]:
        """The text before and after the word, of its section alone: less to read, and faults
        elsewhere do not matter.
        """
        before, after = self.text[: self.start], self.text[self.end :]
        if self.in_json:
            return before, after
        line = self.text.rfind("\n", 0, self.start) + 1
        if self.text[line : line + 1].strip(" \t#-\n\r") or line == self.start:
            first = line
        else:
            starts = [match.start() for match in _SECTION.finditer(self.text, 0, self.start)]
            first = starts[-1] if starts else 0
        following = _SECTION.search(self.text, self.text.find("\n", self.end) + 1 or len(self.text))
        last = following.start() if following else len(self.text)
        return self.text[first : self.start], self.text[self.end : max(last, self.end)]

    def _may_be_key(self, before: str) -> bool:
        line = before[before.rfind("\n") + 1 :]
        if _ITEM.fullmatch(line):
            return True
        return line.rstrip()[-1:] in ("{", ",") and "{" in self._open(before)

    def _closers(self, before: str) -> str:
        return "".join(_CLOSING[one] for one in reversed(self._open(before)))

    def _open(self, before: str) -> list[str]:
        """The brackets that are open before the word, the outermost first."""
        found: list[str] = []
        quote = ""
        for character in before:
            if quote:
                quote = "" if character in (quote, "\n") else quote
            elif character in "'\"":
                quote = character
            elif character in _CLOSING:
                found.append(character)
            elif character in "]}" and found:
                found.pop()
        return found


def _in_whole_list(path: tuple[Step, ...], cut: Cut) -> tuple[Step, ...]:
    """A path in the text that is read, as one in the whole text."""
    at = next((at for at, step in enumerate(path) if isinstance(step, int)), None)
    if at is None:
        return path
    return (*path[:at], int(path[at]) + cut.left_out, *path[at + 1 :])


def _find(root: Node, mark: str) -> tuple[tuple[Step, ...], Expected, tuple[str, ...]] | None:
    """The path to the mark, what is expected there, and the other keys of its mapping."""
    stack: list[tuple[Node, tuple[Step, ...]]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and mark in node.value:
                whole = node.value == mark
                return path, "either" if whole and not _only_value(node) else "value", ()
        elif isinstance(node, Sequence):
            stack.extend((one, (*path, at)) for at, one in enumerate(node.items))
        else:
            others = tuple(key for key in node.entries if mark not in key)
            if len(others) < len(node.entries):
                return path, "key" if others or not path else "either", others
            stack.extend((entry.value, (*path, key)) for key, entry in node.entries.items())
    return None


def _only_value(node: Scalar) -> bool:
    """Whether the value is beside its key, where no block mapping can be written."""
    source = node.span.source
    before = source.text[source.line_start(node.span.start) : node.span.start]
    return bool(before.strip(" -"))


def _in_comment(left: str) -> bool:
    quote = ""
    for at, character in enumerate(left):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (at == 0 or left[at - 1].isspace()):
            return True
    return False


def _matched(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


def _matched_at(pattern: re.Pattern[str], text: str, offset: int) -> str:
    match = pattern.match(text, offset)
    return match[0] if match else ""


def _unused(text: str) -> str:
    """A word that occurs nowhere in the text."""
    mark = "written_here"
    while mark in text:
        mark += "_"
    return mark
