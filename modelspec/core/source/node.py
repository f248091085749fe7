"""The nodes of a file: scalars, sequences and mappings, each with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeAlias

from ..diagnostics import Path, Span
from ..diagnostics.derived import origin_of
from ..records import NamedTuple, dataclass

Value: TypeAlias = "str | int | float | bool | tuple[Value, ...] | dict[str, Value] | None"


class Scalar(NamedTuple):
    value: str | int | float | bool | None
    span: Span
    plain: bool = False
    """Written without quotes (YAML): `3` rather than `"3"`."""


class Sequence(NamedTuple):
    items: tuple[Node, ...]
    span: Span


class Entry(NamedTuple):
    key_span: Span
    value: Node

    @property
    def span(self) -> Span:
        """Key and value together."""
        value = self.value.span
        inside = (
            origin_of(value).source is origin_of(self.key_span).source
            and value.start >= self.key_span.end
        )
        return (
            self.key_span.to(value) if inside else self.key_span
        )  # a merged or aliased value is elsewhere


class Mapping(NamedTuple):
    entries: dict[str, Entry]
    span: Span


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True)
class Document:
    """A file that was read; its root is always a mapping."""

    root: Mapping
    repaired: bool = False
    """Whether a part of it is from text with syntax errors: see `core.diagnostics.repaired`."""

    def with_root(self, root: Mapping) -> Document:
        """The same document, changed."""
        return Document(root, self.repaired)


def plain(node: Node) -> Value:
    """The node's value as Python's own types, without places; sequences are tuples."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return tuple(plain(item) for item in node.items)
    return {key: plain(entry.value) for key, entry in node.entries.items()}


def find(node: Node, path: Path) -> Node | None:
    """The node at `path`, or None where the path does not exist."""
    for step in path:
        if isinstance(node, Mapping) and step in node.entries:
            node = node.entries[str(step)].value
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def locate(node: Node, path: Path, *, key: bool = False, whole: bool = False) -> Span | None:
    """The span of the value at `path`; of its key (`key`), or of key and value (`whole`).

    A step that was not written is skipped: the path to `units` leads to the value in `Dense: 64` as
    well as in `Dense: {units: 64}`. None where no step was written at all and `node` is a
    mapping: a setting left at its default.
    """
    span = node.span
    found = not path or not isinstance(node, Mapping)
    for step in path:
        if isinstance(node, Mapping) and step in node.entries:
            entry = node.entries[str(step)]
            node = entry.value
            span = entry.key_span if key else entry.span if whole else node.span
            found = True
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            span = node.span
            found = True
    return span if found else None


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in file order."""
    yield node
    if isinstance(node, Sequence):
        for item in node.items:
            yield from walk(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from walk(entry.value)


def mentions(node: Node, words: Collection[str]) -> bool:
    """Whether one of the words is a key or a string anywhere below."""
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            if any(key in words for key in one.entries):
                return True
            stack.extend(entry.value for entry in one.entries.values())
        elif isinstance(one, Sequence):
            stack.extend(one.items)
        elif isinstance(one.value, str) and one.value in words:
            return True
    return False
