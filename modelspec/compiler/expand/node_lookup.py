"""Parts of the values of names, as nodes."""

from __future__ import annotations

import ast

from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import Cause, Derived, derive
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from .scope import Binding


def part_of(tree: ast.expr, names: dict[str, Binding]) -> Node | None:
    """The node of a name, or of a part of its value; None for any other expression."""
    if isinstance(tree, ast.Name):
        return names[tree.id].node if tree.id in names else None
    if isinstance(tree, ast.Attribute):
        return _value_at(part_of(tree.value, names), tree.attr)
    if isinstance(tree, ast.Subscript):
        return _value_at(part_of(tree.value, names), _constant(tree.slice))
    return None


def _value_at(node: Node | None, key: object) -> Node | None:
    """The value of a key, or the item at an index."""
    if isinstance(node, Mapping) and isinstance(key, str):
        return node.entries[key].value if key in node.entries else None
    if isinstance(node, Sequence) and isinstance(key, int):
        return node.items[key] if -len(node.items) <= key < len(node.items) else None
    return None


def _constant(node: ast.expr) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        value = node.operand.value
        return -value if isinstance(value, int) else None
    return None


def with_causes(node: Node, causes: tuple[Cause, ...]) -> Node:
    """A mapping or list with additional causes for it, and for the keys, numbers and strings
    directly in it.
    """
    sources: dict[int, Derived] = {}

    def derived(span: Span) -> Derived:
        source = derive(span, *causes).source
        assert isinstance(source, Derived)
        sources[id(span.source)] = source
        return source

    def place(span: Span) -> Span:
        return Span(sources.get(id(span.source)) or derived(span), span.start, span.end)

    def inside(one: Node) -> Node:
        return Scalar(one.value, place(one.span), one.plain) if isinstance(one, Scalar) else one

    if isinstance(node, Sequence):
        return Sequence(tuple(map(inside, node.items)), place(node.span))
    assert isinstance(node, Mapping)
    entries = {
        key: Entry(place(entry.key_span), inside(entry.value))
        for key, entry in node.entries.items()
    }
    return Mapping(entries, place(node.span))
