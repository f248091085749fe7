"""The flat list of layers of one model, while it is written; and where a model ends before its last
layer, what the tensor at its end needs of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from modelspec.core.diagnostics import Span
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from .flat_entry import Bases, Record
from .naming import Names, Tensor, Unknown


@dataclass(frozen=True)
class Place:
    """Where an item stands: the names around it, and the rounds that it is in."""

    names: Names
    suffixes: tuple[str, ...] = ()
    bases: Bases | None = None


class Ends(NamedTuple):
    """Where branches end: what the layer that joins them takes."""

    tensors: tuple[Tensor | Unknown, ...]
    span: Span


class FlatList:
    """Entries in their order, by name as well. `start` is what the first one takes."""

    def __init__(self, start: str | None) -> None:
        self.start = start
        self.last = start
        """The name of the last entry."""
        self.by_name: dict[str, Record] = {}
        self.made: dict[str, Entry] = {}
        """Sub-models of kinds of the library, which are to stand under `shared`."""
        self._records: list[Record] = []

    def add(self, record: Record, name: str) -> None:
        self._records.append(record)
        self.last = name
        if record.whole is None:
            self.by_name.setdefault(name, record)

    def refer(self, text: str) -> None:
        """Something refers to a tensor by name: its entry is to have that name."""
        record = self.by_name.get(text.partition(".")[0])
        if record is not None:
            record.named = True

    def name_all(self) -> None:
        for record in self._records:
            record.named = True

    def end_at(self, end: str) -> None:
        """Leave out what the entry of this name does not need: it is the last one then."""
        self._records = _needed(self._records, end, self.start)
        self.last = end
        kept = {record.kind for record in self._records}
        self.made = {kind: entry for kind, entry in self.made.items() if kind in kept}

    def nodes(self) -> tuple[Node, ...]:
        """The entries as a spec writes them."""
        return tuple(record.node() for record in self._records)


def _needed(records: list[Record], end: str, start: str | None) -> list[Record]:
    """The entries that the one named `end` depends on, itself the last, each with what it takes
    where that is no longer the entry before it. `start` is what the first entry takes.
    """
    by_name = {record.name: record for record in records}
    before = {
        record.name: records[at - 1].name if at else start for at, record in enumerate(records)
    }
    found: set[str] = set()
    queue = [end]
    while queue:
        name = queue.pop()
        if name in by_name and name not in found:
            found.add(name)
            queue.extend(_taken(by_name[name], before[name]))
    kept = [record for record in records if record.name in found]
    above = start
    for record in kept:
        source = before[record.name]
        if record.source is None and source is not None and source != above:
            record.source = Entry(record.span, Scalar(source, record.span))
        above = record.name
        record.named = True  # a name that the entry got by its place among the others
    return kept


def _taken(record: Record, above: str | None) -> list[str]:
    """The entries that one takes."""
    if record.source is None:
        return [above] if above is not None else []
    return [text.partition(".")[0] for text in _texts(record.source.value)]


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield str(node.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _texts(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield from _texts(entry.value)
