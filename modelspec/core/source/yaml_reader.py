"""Composes YAML text into nodes: PyYAML yields the events, this module interprets them.

Only the scanner and parser of PyYAML (of libyaml where available) are used: they construct no
objects, run no code and do not recurse. Scalars follow YAML 1.2, tags are refused, and depth, nodes
and aliases have limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from ..diagnostics import Fault, Note, Source, Span, nearest
from ..diagnostics.derived import derive
from ..records import NamedTuple
from . import budgets, scalars, yaml_faults, yaml_syntax
from .merge_key import Merge, is_merge, merged
from .nesting import deeper_than
from .node import Entry, Mapping, Node, Scalar, Sequence
from .reader import Reading, too_deep, too_many_nodes

Parser = Callable[[str], Any]
PARSER: Final[Parser] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

_PROPERTIES = re.compile(r"(?:(?:!<[^>\s]*>|[&!][^\s,\[\]{}]*)(?:\s+(?:#[^\r\n]*)?)*)+")
_SUSPECTS = frozenset("-$")
_BRACKETS = frozenset("[{")
_TAG = re.compile(r"!(?:<[^>\s]*>|[^\s,\[\]{}]*)")
_SURROGATE = re.compile("[\ud800-\udfff]")


_new = tuple.__new__
"""Creates a named tuple in half the time: there are three for each word of a text."""


def compose(reading: Reading, parser: Parser = PARSER) -> Mapping | None:
    """The mapping in the text, or None where the top level is not a mapping. Raises `Fault` where
    reading had to stop.
    """
    deep = deeper_than(reading.source.text, budgets.LEVELS)
    if deep is not None:
        reading.stop(too_deep(), reading.span(*deep))
    composer = Composer(reading, parser)
    try:
        return composer.document()
    except yaml.YAMLError as error:
        fault, span, notes = yaml_syntax.explain(reading.source, error, composer.brackets[-1:])
    reading.replace(fault, span, *notes)
    raise fault


class Anchor(NamedTuple):
    node: Node
    nodes: int
    levels: int


class Composer:
    """The events of one text, composed into nodes that know their places.

    Recurses once per level; the levels are limited. After a fault that does not affect the rest of
    the text, reading continues; `broken` marks a result that must not be used.
    """

    def __init__(self, reading: Reading, parser: Parser) -> None:
        self.reading = reading
        self.source: Source = reading.source
        self.next: Callable[[], Any] = parser(self.source.text).get_event
        self.anchors: dict[str, Anchor | None] = {}  # None: still being read
        self.reached = 0  # the deepest level since the innermost open anchor
        self.end = 0  # where the last token that belongs to a node ends
        self.brackets: list[int] = []  # the places of the open ones
        self.broken = False
        self.suspicious = yaml_faults.odd_spaces(self.source.text)

    def document(self) -> Mapping | None:
        reading = self.reading
        self.next()
        start = self.next()
        if isinstance(start, StreamEndEvent):
            self.no_mapping(None)
            return None
        self.directives(start)
        root = self.node(self.next(), 1)
        self.next()
        after = self.next()
        if not isinstance(after, StreamEndEvent):
            reading.report(yaml_faults.second_document(), self.place(after))
        if self.broken:
            return None
        if isinstance(root, Mapping):
            return root
        self.no_mapping(root)
        return None

    def no_mapping(self, root: Node | None) -> None:
        reading = self.reading
        if root is None or root.span.start == root.span.end:
            reading.report(yaml_faults.empty_file(), reading.span(0, 0))
        else:
            reading.report(yaml_faults.not_a_mapping(root), root.span)

    def directives(self, start: Any) -> None:
        if not start.tags and start.version in (None, (1, 2)):
            return
        line = re.compile(r"^%(YAML|TAG).*", re.MULTILINE)
        for found in line.finditer(self.source.text, start.start_mark.index, start.end_mark.index):
            span = self.reading.span(*found.span())
            if found[1] == "TAG":
                self.reading.report(
                    Fault(
                        "MS105", "`%TAG` declares tags, which are not supported", help="remove it"
                    ),
                    span,
                )
            elif start.version != (1, 2):
                self.reading.report(yaml_faults.version(), span)

    def place(self, event: Any) -> Span:
        return Span(self.source, event.start_mark.index, event.end_mark.index)

    def node(self, event: Any, level: int) -> Node:
        """The node that starts with `event`; `level` is its level if it is a mapping or a list."""
        reading = self.reading
        reading.nodes += 1
        if reading.nodes > budgets.NODES:
            reading.stop(too_many_nodes(), self.place(event))
        kind = type(event)
        if event.anchor is not None:
            return self.alias(event, level) if kind is AliasEvent else self.anchored(event, level)
        if kind is ScalarEvent:
            return self.scalar(event)
        return self.collection(event, level)

    def collection(self, event: Any, level: int) -> Node:
        start, opened = event.start_mark.index, event.end_mark.index
        if event.anchor is not None or event.tag is not None:
            start = self.properties(event)
        if level > self.reached:
            self.reached = level
            if level > budgets.LEVELS:
                self.reading.stop(too_deep(), self.reading.span(start, opened))
        self.end = opened
        bracketed = event.flow_style and self._has_bracket(event)
        if bracketed:
            self.brackets.append(opened - 1)
        node = (
            self.sequence(start, level)
            if type(event) is SequenceStartEvent
            else self.mapping(start, level)
        )
        if bracketed:
            self.brackets.pop()
        return node

    def _has_bracket(self, event: Any) -> bool:
        """Whether a collection in flow style begins with a bracket: a pair in a list, `[a: 1]`, is
        a mapping without brackets.
        """
        start, end = event.start_mark.index, event.end_mark.index
        return end > start and self.source.text[end - 1] in _BRACKETS

    def sequence(self, start: int, level: int) -> Sequence:
        items: list[Node] = []
        append, following, node = items.append, self.next, self.node
        event: Any
        while type(event := following()) is not SequenceEndEvent:
            append(node(event, level + 1))
        return Sequence(tuple(items), self.reading.span(start, self.close(event)))

    def mapping(self, start: int, level: int) -> Mapping:
        entries: dict[str, Entry] = {}
        merge: Merge | None = None
        reading, following, node, key = self.reading, self.next, self.node, self.key
        event: Any
        while type(event := following()) is not MappingEndEvent:
            if is_merge(event):
                place = self.place(event)
                found = Merge(place, len(entries), node(following(), level + 1))
                if merge is not None:
                    reading.report(
                        yaml_faults.second_merge(), place, Note("first written here", merge.place)
                    )
                merge = merge or found
                continue
            name, key_span = key(event, level)
            value = node(following(), level + 1)
            if name is None or (":" in name and self.missing_space(name, key_span, value)):
                continue
            if name in entries:
                reading.put(entries, name, key_span, value)  # reports it
            else:
                entries[name] = Entry(key_span, value)
        if merge is not None:
            entries = merged(reading, entries, merge)
        return Mapping(entries, reading.span(start, self.close(event)))

    def close(self, event: Any) -> int:
        """Where a collection ends: at its bracket, or in block style where its last member ends."""
        if self.brackets and event.end_mark.index > event.start_mark.index:
            self.end = event.end_mark.index
        return self.end

    def key(self, event: Any, level: int) -> tuple[str | None, Span]:
        """A key's text and place; None where it cannot be a key, which is reported."""
        reading = self.reading
        node = self.node(event, level + 1)
        span = node.span
        if not isinstance(node, Scalar):
            if isinstance(event, AliasEvent):
                span = self.place(event)
                if self.anchors.get(str(event.anchor)) is None:  # reported as an alias already
                    return None, span
            reading.report(yaml_faults.bad_key(span), span)
            return None, span
        value = node.value
        if isinstance(value, str):
            return value, span
        if node.plain:
            text = span.text
            reading.report(yaml_faults.not_text(text), span)
            return text or None, derive(span, silent=True)
        return str(value), span

    def scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        if event.tag is not None or event.anchor is not None:
            start = self.properties(event)
        text: str = event.value
        style = event.style
        self.end = end
        if not style:
            span = _new(Span, (self.source, start, end))
            if len(text) != end - start or text[:1] in _SUSPECTS or self.suspicious:
                self.suspect(text, span)
            if text.isidentifier() and text not in scalars.WORDS:
                return _new(Scalar, (text, span, True))
            value, fault = scalars.resolve(text)
            if fault is not None:
                self.reading.report(fault, span)
                span = derive(
                    span, silent=fault.code == "MS109"
                )  # a placeholder for what was written
            return Scalar(value, span, True)
        if style in "|>":
            end = start + len(self.source.text[start:end].rstrip())
            self.end = end
        span = Span(self.source, start, end)
        if style == '"' and _SURROGATE.search(text):
            self.spoil(yaml_faults.surrogate(), span)
        return Scalar(text, span)

    def suspect(self, text: str, span: Span) -> None:
        """Report a plain scalar that probably has another meaning than intended."""
        flow = bool(self.brackets)
        for fault, start, end in yaml_faults.in_plain(
            self.source.text, text, span.start, span.end, flow
        ):
            self.spoil(fault, self.reading.span(start, end))

    def missing_space(self, name: str, key_span: Span, value: Node) -> bool:
        """`{units:64}` is one key without a value, `Dense:{units: 64}` a strange key."""
        if key_span.end - key_span.start != len(name):
            return False
        found = yaml_faults.missing_space(name)
        colon = yaml_faults.colon_of(name)
        empty = self.brackets and value.span.start == value.span.end
        if not found or not (empty or name[colon + 1] in "{[\"'"):
            return False
        self.spoil(found, self.reading.span(key_span.start + colon, key_span.start + colon + 1))
        return True

    def spoil(self, fault: Fault, span: Span, *notes: Note) -> None:
        """Report a fault that makes the result useless, and continue reading for others."""
        self.broken = True
        self.reading.report(fault, span, *notes)

    def properties(self, event: Any) -> int:
        """Where a node starts after its anchor and tag; a tag is reported."""
        text = self.source.text
        start: int = event.start_mark.index
        found = _PROPERTIES.match(text, start, event.end_mark.index)
        end = found.end() if found else start
        if event.tag is not None:
            tag = _TAG.search(text, start, end)
            if tag:
                self.reading.report(yaml_faults.tag(tag[0]), self.reading.span(*tag.span()))
        return end

    def anchored(self, event: Any, level: int) -> Node:
        name: str = event.anchor
        place = self.reading.span(event.start_mark.index, event.start_mark.index + 1 + len(name))
        before = self.anchors.get(name)
        if name in self.anchors:
            notes = (Note("the other one is here", before.node.span),) if before else ()
            self.reading.report(yaml_faults.second_anchor(name), place, *notes)
        self.anchors[name] = None
        nodes, reached, self.reached = self.reading.nodes, self.reached, level - 1
        node = self.scalar(event) if type(event) is ScalarEvent else self.collection(event, level)
        self.anchors[name] = Anchor(node, self.reading.nodes - nodes, self.reached - level + 1)
        self.reached = max(reached, self.reached)
        return node

    def alias(self, event: Any, level: int) -> Node:
        """The node that an alias refers to, counted and measured as if it were written out."""
        name: str = event.anchor
        span = self.place(event)
        self.end = span.end
        anchor = self.anchors.get(name)
        if anchor is None:
            recursive = name in self.anchors
            known = nearest(name, self.anchors)
            self.spoil(
                yaml_faults.recursive(name) if recursive else yaml_faults.undefined(name, known),
                span,
            )
            return Mapping({}, span)
        self.reading.spend(anchor.nodes, span)
        self.reached = max(self.reached, level - 1 + anchor.levels)
        if self.reached > budgets.LEVELS:
            self.reading.stop(too_deep(), span)
        return anchor.node
