"""The outline of a text: sections, variables, blocks, inputs, layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence, plain

Kind = Literal["section", "variable", "block", "input", "output", "layer", "model", "key"]

_KINDS: Final[dict[str, Kind]] = {
    "vars": "variable",
    "parameters": "variable",
    "blocks": "block",
    "inputs": "input",
    "outputs": "output",
    "shared": "model",
}
_LISTS: Final = ("layers", "do", "else", "branches")
"""Keys with entries of `layers`."""
_LONG: Final = 60
_DEEPEST: Final = 8


class Item(NamedTuple):
    """One line of the outline, with those below it."""

    name: str
    kind: Kind
    detail: str
    start: int
    end: int
    name_start: int
    name_end: int
    below: tuple[Item, ...] = ()


def outline(root: Mapping) -> tuple[Item, ...]:
    """The outline of a tree as it is written."""
    return tuple(
        _keyed(key, "section", entry, 1) for key, entry in root.entries.items() if _is_plain(entry)
    )


def _is_plain(entry: Entry) -> bool:
    """Whether a value is written after its key, and not elsewhere (an alias)."""
    return entry.value.span.start >= entry.key_span.start


def _keyed(key: str, kind: Kind, entry: Entry, level: int) -> Item:
    span, name = origin_of(entry.span), origin_of(entry.key_span)
    below = tuple(_below(key, entry.value, level)) if level < _DEEPEST else ()
    return _item(key, kind, _detail(entry.value), span, name, below)


def _item(
    name: str, kind: Kind, detail: str, span: Span, place: Span, below: tuple[Item, ...] = ()
) -> Item:
    ends = (place.end, *(one.end for one in below))
    start = min(span.start, place.start)
    return Item(
        name or "?", kind, detail, start, max(span.end, *ends), place.start, place.end, below
    )


def _below(key: str, node: Node, level: int) -> Iterator[Item]:
    if isinstance(node, Sequence):
        for one in node.items:
            if key in _LISTS or isinstance(one, Sequence) or key not in _KINDS:
                yield from _entry(one, level + 1)
            elif isinstance(one, Scalar):
                yield _item(str(one.value), _KINDS[key], "", one.span, one.span)
    elif isinstance(node, Mapping):
        kind = _KINDS.get(key, "key")
        for name, entry in node.entries.items():
            if _is_plain(entry):
                yield _keyed(name, kind, entry, level + 1)


def _entry(node: Node, level: int) -> Iterator[Item]:
    """An entry of `layers`: its name, or its kind."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        yield _item(node.value, "layer", "", node.span, node.span)
    elif isinstance(node, Sequence) and level < _DEEPEST:
        for one in node.items:
            yield from _entry(one, level + 1)
    elif isinstance(node, Mapping) and node.entries:
        kind, entry = next(iter(node.entries.items()))
        name = entry.value.entries.get("name") if isinstance(entry.value, Mapping) else None
        named = name.value.value if name is not None and isinstance(name.value, Scalar) else None
        inner = [
            item
            for key, one in node.entries.items()
            if key in _LISTS and level < _DEEPEST
            for item in _below(key, one.value, level + 1)
        ]
        shown = (str(named), kind) if isinstance(named, str) else (kind, _detail(entry.value))
        yield _item(*shown[:1], "layer", shown[1], node.span, entry.key_span, tuple(inner))


def _detail(node: Node) -> str:
    """A short value on one line."""
    if isinstance(node, Scalar):
        text = "" if node.value is None else str(plain(node))
    elif isinstance(node, Sequence) and all(isinstance(one, Scalar) for one in node.items):
        text = f"[{', '.join(str(plain(one)) for one in node.items[:12])}]"
    else:
        return ""
    line = " ".join(text.split())
    return line if len(line) <= _LONG else f"{line[:_LONG]}..."
