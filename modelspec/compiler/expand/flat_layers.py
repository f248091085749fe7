"""The flat list of layers of one model, while it is written; and where a model ends before its last
layer, what the tensor at its end needs of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.core.diagnostics import Span
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..graph.symbols import TensorName
from .flat_entry import FlatEntry, RoundNames
from .tensor_scope import Tensor, TensorScope, Unresolved


class Place(NamedTuple):
    """The scope that an item is in, and the rounds of loops around it."""

    scope: TensorScope
    suffixes: tuple[str, ...] = ()
    round_names: RoundNames | None = None


class Ends(NamedTuple):
    """Where branches end: what the layer that joins them takes."""

    tensors: tuple[Tensor | Unresolved, ...]
    span: Span


class FlatList:
    """Entries in their order, by name as well. `start` is what the first one takes."""

    def __init__(self, start: str | None) -> None:
        self.start = start
        self.last = start
        """The name of the last entry."""
        self.by_name: dict[str, FlatEntry] = {}
        self.made: dict[str, Entry] = {}
        """Sub-models of kinds of the library, which become part of `shared`."""
        self._entries: list[FlatEntry] = []

    def add(self, entry: FlatEntry, name: str) -> None:
        self._entries.append(entry)
        self.last = name
        if entry.whole is None:
            self.by_name.setdefault(name, entry)

    def refer(self, text: str) -> None:
        """Something refers to a tensor by name: its entry is to have that name."""
        entry = self.by_name.get(TensorName.parse(text).producer)
        if entry is not None:
            entry.named = True

    def name_all(self) -> None:
        for entry in self._entries:
            entry.named = True

    def end_at(self, end: str) -> None:
        """Leave out what the entry of this name does not need: it is the last one then."""
        self._entries = _needed(self._entries, end, self.start)
        self.last = end
        kept = {entry.kind for entry in self._entries}
        self.made = {kind: entry for kind, entry in self.made.items() if kind in kept}

    def nodes(self) -> tuple[Node, ...]:
        """The entries as a spec writes them."""
        return tuple(entry.node() for entry in self._entries)


def _needed(entries: list[FlatEntry], end: str, start: str | None) -> list[FlatEntry]:
    """The entries that the one named `end` depends on, itself the last, each with what it takes
    where that is no longer the entry before it. `start` is what the first entry takes.
    """
    names = [start, *(entry.name for entry in entries)]
    before = {entry.name: names[index] for index, entry in enumerate(entries)}
    ancestors = _ancestors({entry.name: entry for entry in entries}, before, end)
    kept = [entry for entry in entries if entry.name in ancestors]
    above = start
    for entry in kept:
        source = before[entry.name]
        if entry.source is None and source is not None and source != above:
            entry.source = Entry(entry.span, Scalar(source, entry.span))
        above = entry.name
        entry.named = True  # a name that the entry got by its place among the others
    return kept


def _ancestors(by_name: dict[str, FlatEntry], before: dict[str, str | None], end: str) -> set[str]:
    """The names of the entries that one depends on, and its own."""
    found: set[str] = set()
    queue = [end]
    while queue:
        name = queue.pop()
        if name in by_name and name not in found:
            found.add(name)
            queue.extend(_taken(by_name[name], before[name]))
    return found


def _taken(entry: FlatEntry, above: str | None) -> list[str]:
    """The entries that one takes."""
    if entry.source is None:
        return [above] if above is not None else []
    return [TensorName.parse(text).producer for text in _texts(entry.source.value)]


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield str(node.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _texts(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from _texts(entry.value)
