"""The nodes of a repaired text, with the places of the text as written."""

from __future__ import annotations

from ..diagnostics import Source, Span
from ..diagnostics.derived import derive
from .node import Entry, Mapping, Node, Scalar, Sequence
from .repair_lines import Lines, Map, moved


class Mover:
    """Moves the nodes of one repaired text. A scalar where a line was completed becomes silent: its
    value is not finished.
    """

    def __init__(self, lines: Lines, places: Map, source: Source) -> None:
        self.lines = lines
        self.places = places
        self.source = source
        self._known: dict[int, tuple[Node, Node]] = {}
        """Collections that were moved already, with the original: an alias repeats them."""

    def span(self, span: Span) -> Span:
        return moved(span, self.places, self.source)

    def mapping(self, node: Mapping) -> Mapping:
        entries = {
            key: Entry(self.span(entry.key_span), self.node(entry.value))
            for key, entry in node.entries.items()
        }
        return Mapping(entries, self.span(node.span))

    def node(self, node: Node) -> Node:
        if isinstance(node, Scalar):
            span = self.span(node.span)
            cut = self.lines.is_cut(span)
            return node._replace(span=derive(span, silent=True) if cut else span)
        known = self._known.get(id(node))
        if known is not None:
            return known[1]
        found: Node = (
            self.mapping(node)
            if isinstance(node, Mapping)
            else Sequence(tuple(map(self.node, node.items)), self.span(node.span))
        )
        self._known[id(node)] = (node, found)
        return found
