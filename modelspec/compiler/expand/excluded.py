"""Entries that no later stage sees, as a `when`, a `repeat` or an empty `for` leaves them out, or
nothing uses their block: of these, what is wrong whatever is around them.

Kinds and settings are read as those of any entry are. What an expression says is not known, and
neither is which tensors the entry takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import Final, NamedTuple

from modelspec.catalog.library import is_kind
from modelspec.core.diagnostics import Collector, Diagnostic, Note, Span, nearest
from modelspec.core.settings import Context
from modelspec.core.source import Document, Entry, Mapping, Node, Scalar, Sequence, find

from ..legacy import modernize
from ..spec.entries import EXPANDED, EntryReader
from .block_arguments import unknown_setting
from .blocks import Block
from .control_flow import WORDS
from .identifiers import RESERVED

_OF_NAMES: Final = ("MS202", "MS207", "MS301")
"""Faults that are there whatever the values are."""
_OF_VALUES: Final = ("MS204", "MS206")
"""Faults of one value, which are there whatever the others are."""
_CERTAIN: Final = (*_OF_NAMES, *_OF_VALUES, "MS203", "MS205", "MS208", "MS211")


class _Entry(NamedTuple):
    kind: str
    """Empty where it has not the form of an entry."""
    span: Span
    node: Node
    names: dict[str, None]
    """What else it may call: blocks, what is shared and `branches`."""


class ExcludedEntries:
    """The entries of one spec that were left out. One that is part of the model in some round of
    a loop, or in one use of its block, is read there.
    """

    def __init__(self, blocks: MappingType[str, Block | None]) -> None:
        self._blocks = blocks
        self._callable: dict[frozenset[str], dict[str, None]] = {}
        self._excluded: dict[tuple[int, int], _Entry] = {}
        self._included: set[tuple[int, int]] = set()
        self._lists: set[int] = set()
        """Lists that were read: a loop may leave one out in every round."""

    def include(self, span: Span) -> None:
        """Note that the entry whose kind is written there is part of the model."""
        self._included.add((id(span.source), span.start))

    def exclude(self, kind: str, span: Span, body: Node | None, shared: frozenset[str]) -> None:
        """Note an entry that may not be."""
        name: Node = Scalar(kind, span)
        if isinstance(body, Mapping):
            own = {key: one for key, one in body.entries.items() if key not in EXPANDED}
            body = Mapping(own, body.span)
        node = name if body is None else Mapping({kind: Entry(span, body)}, span)
        self._note(_Entry(kind, span, node, self._others(shared)))

    def _others(self, shared: frozenset[str]) -> dict[str, None]:
        """What an entry beside these shared names may call: made once for all of them."""
        if shared not in self._callable:
            names = sorted(self._blocks.keys() | shared)
            self._callable[shared] = dict.fromkeys((*names, "branches"))
        return self._callable[shared]

    def _note(self, entry: _Entry) -> None:
        self._excluded[id(entry.span.source), entry.span.start] = entry

    def exclude_list(self, node: Node, shared: frozenset[str]) -> None:
        """Note the entries of a list, and of the lists inside it."""
        if not isinstance(node, Sequence) or id(node) in self._lists:
            return
        self._lists.add(id(node))
        for item in node.items:
            self.exclude_entry(item, shared)

    def exclude_entry(self, node: Node, shared: frozenset[str]) -> None:
        """Note an entry as it is written."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            self.exclude(node.value, node.span, None, shared)
        elif isinstance(node, Mapping) and any(key in WORDS for key in node.entries):
            self._exclude_inside(node, shared)
        elif isinstance(node, Mapping) and len(node.entries) == 1:
            kind, entry = next(iter(node.entries.items()))
            self.exclude(kind, entry.key_span, entry.value, shared)
        else:
            self._note(_Entry("", node.span, node, self._others(shared)))

    def _exclude_inside(self, node: Mapping, shared: frozenset[str]) -> None:
        """Note the entries of an entry that holds lists."""
        for key, entry in node.entries.items():
            if key in ("do", "else"):
                self.exclude_list(entry.value, shared)
            elif key == "branches" and isinstance(entry.value, Sequence):
                for branch in entry.value.items:
                    self.exclude_list(branch, shared)
            elif key == "join":
                self.exclude_entry(entry.value, shared)

    def report(self, collector: Collector) -> None:
        """Report what is wrong with entries that are nowhere part of the model."""
        for place, entry in self._excluded.items():
            if place in self._included or "$" in entry.kind:
                continue
            if (block := self._blocks.get(entry.kind)) is not None:
                collector.extend(_unknown_parameters(entry, block))
            elif entry.kind not in entry.names and not is_kind(entry.kind):
                collector.extend(_faults_of(entry))


def _unknown_parameters(entry: _Entry, block: Block) -> Iterator[Diagnostic]:
    """What a use of a block sets that is none of its parameters."""
    body = entry.node.entries[entry.kind].value if isinstance(entry.node, Mapping) else None
    known = (*block.parameters, *block.extra)
    for name, one in body.entries.items() if isinstance(body, Mapping) else ():
        if name not in block.parameters and name not in known and name not in RESERVED:
            fault = unknown_setting(block, name, nearest(name, (*known, *RESERVED)), known)
            yield fault.at(one.key_span, (Note("it is defined here", block.span),))


def _faults_of(entry: _Entry) -> Iterator[Diagnostic]:
    """The faults of an entry, read as if it were part of a model."""
    certain = _without_expressions(entry.node)
    yield from _read(entry, entry.node, _CERTAIN if certain is entry.node else _OF_NAMES)
    if certain is not None and certain is not entry.node:
        yield from _read(entry, certain, _OF_VALUES)


def _read(entry: _Entry, node: Node, codes: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Those with some codes. Older words are reported where the entry is part of the model."""
    layers = Entry(entry.span, Sequence((node,), entry.span))
    model = Entry(entry.span, Mapping({"layers": layers}, entry.span))
    document = modernize(Document(Mapping({"model": model}, entry.span))).value
    collector = Collector()
    reader = EntryReader(Context(), collector, entry.names)
    reader.use(find(document.root, ("model", "layers", 0)) or node)
    for one in collector.diagnostics:
        if one.severity == "error" and one.code in codes:
            yield one


def _without_expressions(node: Node) -> Node | None:
    """A value without the settings that expressions say; itself where there are none."""
    if isinstance(node, Scalar):
        return None if isinstance(node.value, str) and "$" in node.value else node
    if isinstance(node, Sequence):
        items = tuple(map(_without_expressions, node.items))
        return node if all(new is old for new, old in zip(items, node.items, strict=True)) else None
    values = {key: _without_expressions(entry.value) for key, entry in node.entries.items()}
    if all(values[key] is entry.value for key, entry in node.entries.items()):
        return node
    kept = {
        key: Entry(entry.key_span, value)
        for key, entry in node.entries.items()
        if (value := values[key]) is not None
    }
    return Mapping(kept, node.span) if kept else None
