"""Parts of the nodes that names stand for."""

from __future__ import annotations

import ast

from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import Cause, Derived, derive
from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from .scope import Binding


def part_of(tree: ast.expr, names: dict[str, Binding]) -> Node | None:
    """The node that a name, or a part of what it stands for, leads to; None for any other
    expression.
    """
    if isinstance(tree, ast.Name):
        return names[tree.id].node if tree.id in names else None
    if isinstance(tree, ast.Attribute):
        inside = part_of(tree.value, names)
        entry = inside.entries.get(tree.attr) if isinstance(inside, Mapping) else None
        return entry.value if entry else None
    if isinstance(tree, ast.Subscript):
        inside = part_of(tree.value, names)
        key = _constant(tree.slice)
        if isinstance(inside, Mapping) and isinstance(key, str) and key in inside.entries:
            return inside.entries[key].value
        if (
            isinstance(inside, Sequence)
            and isinstance(key, int)
            and -len(inside.items) <= key < len(inside.items)
        ):
            return inside.items[key]
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


def as_used(node: Node, causes: tuple[Cause, ...]) -> Node:
    """A mapping or list with more steps on the way to it, and to the keys, numbers and texts that
    are right in it.
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
