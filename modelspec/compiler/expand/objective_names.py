"""Names in `objective` and `players`: uses of blocks and loops mean tensors of the flat list, as in
`from` of a layer.
"""

from __future__ import annotations

from collections.abc import Callable

from modelspec.core.source import Entry, Mapping, Node, Sequence

Rename = Callable[[Node], Node]
"""Replaces names in the value of a `from`."""


def with_flat_names(training: Node, rename: Rename) -> Node:
    """The `training` section with the names of the flat list in its objectives."""
    if not isinstance(training, Mapping):
        return training
    found = _of_section(training, rename)
    stages = _value(found, "stages")
    if isinstance(stages, Sequence):
        items = tuple(_of_section(one, rename) for one in stages.items)
        found = _replaced(found, "stages", Sequence(items, stages.span))
    players = _value(found, "players")
    if isinstance(players, Mapping):
        changed = {
            name: Entry(one.key_span, _of_section(one.value, rename))
            for name, one in players.entries.items()
        }
        found = _replaced(found, "players", Mapping(changed, players.span))
    return found


def _of_section(node: Node, rename: Rename) -> Node:
    """A section with an `objective`: of the training, a stage or a player."""
    objective = _value(node, "objective")
    if not isinstance(objective, Mapping):
        return node
    terms = {
        name: Entry(one.key_span, _of_term(one.value, rename))
        for name, one in objective.entries.items()
    }
    return _replaced(node, "objective", Mapping(terms, objective.span))


def _of_term(node: Node, rename: Rename) -> Node:
    tensors = _value(node, "from")
    return node if tensors is None else _replaced(node, "from", rename(tensors))


def _value(node: Node, key: str) -> Node | None:
    entry = node.entries.get(key) if isinstance(node, Mapping) else None
    return None if entry is None else entry.value


def _replaced(node: Node, key: str, value: Node) -> Node:
    assert isinstance(node, Mapping)
    entries = {**node.entries, key: node.entries[key]._replace(value=value)}
    return Mapping(entries, node.span)
