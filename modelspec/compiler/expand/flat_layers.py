"""The flat list of layers of one model while it is built, and the part of it that a given tensor
requires.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.core.diagnostics import Span
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..graph.symbols import TensorName
from .flat_entry import FlatEntry, RoundNames
from .items import Item, Repeat
from .tensor_scope import Tensor, TensorScope, Unresolved


class Place(NamedTuple):
    """The scope of an item, and the rounds of loops around it."""

    scope: TensorScope
    suffixes: tuple[str, ...] = ()
    """The numbers of the rounds, for explicit names."""
    round_names: RoundNames | None = None
    unnamed: tuple[str, ...] = ()
    """The numbers of the rounds, for entries without a name."""

    def rounds(self, item: Repeat) -> Iterator[tuple[list[Item], Place]]:
        """The items of each round of a loop, and their place."""
        names = self.round_names or RoundNames(len(item.rounds))
        for number in names.each(len(item.rounds)):
            suffix = f"_{number}"
            every = self.suffixes if item.is_for else (*self.suffixes, suffix)
            inside = Place(self.scope, every, names, (*self.unnamed, suffix))
            yield item.rounds[number - 1], inside


class Ends(NamedTuple):
    """The ends of branches: the tensors that the join layer takes."""

    tensors: tuple[Tensor | Unresolved, ...]
    span: Span


class FlatList:
    """Entries in order, and by name. `start` is the tensor that the first one takes."""

    def __init__(self, start: str | None) -> None:
        self.start = start
        self.last = start
        """The name of the last entry."""
        self.by_name: dict[str, FlatEntry] = {}
        self.made: dict[str, Entry] = {}
        """Sub-models from kinds of the library, which are added to `shared`."""
        self._entries: list[FlatEntry] = []

    @property
    def entries(self) -> list[FlatEntry]:
        """The entries so far."""
        return self._entries

    def add(self, entry: FlatEntry, name: str) -> None:
        self._entries.append(entry)
        self.last = name
        if entry.whole is None:
            self.by_name.setdefault(name, entry)

    def refer(self, text: str) -> None:
        """Something refers to a tensor by name: its entry must have that name."""
        entry = self.by_name.get(TensorName.parse(text).producer)
        if entry is not None:
            entry.named = True

    def name_all(self) -> None:
        for entry in self._entries:
            entry.named = True

    def end_at(self, *ends: str) -> None:
        """Remove the entries that the named entries do not require."""
        self._entries = _needed(self._entries, ends, self.start)
        self.last = self._entries[-1].name if self._entries else self.start
        kept = {entry.kind for entry in self._entries}
        self.made = {kind: entry for kind, entry in self.made.items() if kind in kept}

    def nodes(self) -> tuple[Node, ...]:
        """The entries as written in a spec."""
        return tuple(entry.node() for entry in self._entries)


def _needed(entries: list[FlatEntry], ends: tuple[str, ...], start: str | None) -> list[FlatEntry]:
    """The entries that those named `ends` depend on, and these, each with its `from` if that is no
    longer the entry before it. `start` is the tensor that the first entry takes.
    """
    names = [start, *(entry.name for entry in entries)]
    before = {entry.name: names[index] for index, entry in enumerate(entries)}
    ancestors = _ancestors({entry.name: entry for entry in entries}, before, ends)
    kept = [entry for entry in entries if entry.name in ancestors]
    above = start
    for entry in kept:
        source = before[entry.name]
        if entry.source is None and source is not None and source != above:
            entry.source = Entry(entry.span, Scalar(source, entry.span))
        above = entry.name
        entry.named = True  # its automatic name depended on its position
    return kept


def _ancestors(
    by_name: dict[str, FlatEntry], before: dict[str, str | None], ends: tuple[str, ...]
) -> set[str]:
    """The names of the entries that some depend on, and their own."""
    found: set[str] = set()
    queue = [*ends]
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
