"""Checks entries that no later stage sees, because a `when`, a `repeat` or an empty `for` leaves
them out, or their block is unused: reports errors that do not depend on the context.

Kinds and settings are read as usual. The values of expressions are unknown, and so are the tensors
that the entry takes.
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
"""Errors that do not depend on other values."""
_OF_VALUES: Final = ("MS204", "MS206")
"""Errors of one setting that do not depend on other settings."""
_CERTAIN: Final = (*_OF_NAMES, *_OF_VALUES, "MS203", "MS205", "MS208", "MS211")


class _Entry(NamedTuple):
    kind: str
    """Empty if the entry is malformed."""
    span: Span
    node: Node
    names: dict[str, None]
    """Other names that it may call: blocks, shared names and `branches`."""


class ExcludedEntries:
    """The entries of one spec that were left out. An entry that is part of the model in some round
    of a loop, or in one use of its block, is checked there.
    """

    def __init__(self, blocks: MappingType[str, Block | None]) -> None:
        self._blocks = blocks
        self._callable: dict[frozenset[str], dict[str, None]] = {}
        self._excluded: dict[tuple[int, int], _Entry] = {}
        self._included: set[tuple[int, int]] = set()
        self._lists: set[int] = set()
        """Lists that were already read: a loop may leave one out in every round."""

    def include(self, span: Span) -> None:
        """Record that the entry whose kind is at this place is part of the model."""
        self._included.add((id(span.source), span.start))

    def exclude(self, kind: str, span: Span, body: Node | None, shared: frozenset[str]) -> None:
        """Record an entry that may not be part of the model."""
        name: Node = Scalar(kind, span)
        if isinstance(body, Mapping):
            own = {key: one for key, one in body.entries.items() if key not in EXPANDED}
            body = Mapping(own, body.span)
        node = name if body is None else Mapping({kind: Entry(span, body)}, span)
        self._note(_Entry(kind, span, node, self._others(shared)))

    def _others(self, shared: frozenset[str]) -> dict[str, None]:
        """The names that an entry beside these shared names may call, computed once for all
        entries.
        """
        if shared not in self._callable:
            names = sorted(self._blocks.keys() | shared)
            self._callable[shared] = dict.fromkeys((*names, "branches"))
        return self._callable[shared]

    def _note(self, entry: _Entry) -> None:
        self._excluded[id(entry.span.source), entry.span.start] = entry

    def exclude_list(self, node: Node, shared: frozenset[str]) -> None:
        """Record the entries of a list, including nested lists."""
        if not isinstance(node, Sequence) or id(node) in self._lists:
            return
        self._lists.add(id(node))
        for item in node.items:
            self.exclude_entry(item, shared)

    def exclude_entry(self, node: Node, shared: frozenset[str]) -> None:
        """Record an entry as written."""
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
        """Record the entries of an entry that contains lists."""
        for key, entry in node.entries.items():
            if key in ("do", "else"):
                self.exclude_list(entry.value, shared)
            elif key == "branches" and isinstance(entry.value, Sequence):
                for branch in entry.value.items:
                    if isinstance(branch, Mapping):
                        self._exclude_inside(branch, shared)
                    self.exclude_list(branch, shared)
            elif key == "join":
                self.exclude_entry(entry.value, shared)

    def report(self, collector: Collector) -> None:
        """Report errors of entries that are never part of the model."""
        for place, entry in self._excluded.items():
            if place in self._included or "$" in entry.kind:
                continue
            if (block := self._blocks.get(entry.kind)) is not None:
                collector.extend(_unknown_parameters(entry, block))
            elif entry.kind not in entry.names and not is_kind(entry.kind):
                collector.extend(_faults_of(entry))


def _unknown_parameters(entry: _Entry, block: Block) -> Iterator[Diagnostic]:
    """Settings of a use of a block that are not parameters of the block."""
    body = entry.node.entries[entry.kind].value if isinstance(entry.node, Mapping) else None
    known = (*block.parameters, *block.extra)
    for name, one in body.entries.items() if isinstance(body, Mapping) else ():
        if name not in block.parameters and name not in known and name not in RESERVED:
            fault = unknown_setting(block, name, nearest(name, (*known, *RESERVED)), known)
            yield fault.at(one.key_span, (Note("it is defined here", block.span),))


def _faults_of(entry: _Entry) -> Iterator[Diagnostic]:
    """The errors of an entry, read as if it were part of a model."""
    certain = _without_expressions(entry.node)
    yield from _read(entry, entry.node, _CERTAIN if certain is entry.node else _OF_NAMES)
    if certain is not None and certain is not entry.node:
        yield from _read(entry, certain, _OF_VALUES)


def _read(entry: _Entry, node: Node, codes: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Those with certain codes. Old spellings are reported where the entry is part of the model."""
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
    """A value without the settings that are expressions; unchanged if there are none."""
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
