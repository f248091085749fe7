"""The `sweep` section with its expressions evaluated, except those that depend on a trial: the
conditions and the listed values of its parameters.
"""

from __future__ import annotations

from typing import Final

from modelspec.core.source import Entry, Mapping, Node

from .scope import Scope
from .values import Values

_OF_A_TRIAL: Final = ("values", "when")
"""Keys of a parameter whose expressions use the values of a trial."""


def sweep_values(node: Node, values: Values, scope: Scope) -> Node:
    """The section; `values` and `scope` are those of its place."""
    if not isinstance(node, Mapping):
        return values.node(node, scope)
    entries: dict[str, Entry] = {}
    for key, entry in node.entries.items():
        is_space = key == "parameters" and isinstance(entry.value, Mapping)
        value = _space(entry.value, values, scope) if is_space else values.node(entry.value, scope)
        entries[key] = Entry(entry.key_span, value)
    return Mapping(entries, node.span)


def _space(node: Node, values: Values, scope: Scope) -> Node:
    """The parameters by path: the bounds of ranges are the same for all trials."""
    assert isinstance(node, Mapping)
    entries = {
        path: Entry(entry.key_span, _range(entry.value, values, scope))
        for path, entry in node.entries.items()
    }
    return Mapping(entries, node.span)


def _range(node: Node, values: Values, scope: Scope) -> Node:
    if not isinstance(node, Mapping):
        return node
    entries = {
        key: entry if key in _OF_A_TRIAL else Entry(entry.key_span, values.node(entry.value, scope))
        for key, entry in node.entries.items()
    }
    return Mapping(entries, node.span)
