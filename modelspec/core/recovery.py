"""Corrects a value by the suggestions of its faults, so that one mistake neither hides other faults
nor causes them.
"""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostics import Fault, Path
from .source import Entry, Mapping, Node, Scalar, Sequence
from .source.scalars import resolve

_UNKNOWN_KEYS = ("MS201", "MS202")
"""Faults of unknown keys: a key without a suggestion is left out."""
_MOST = 100
"""The most faults that are corrected in one value: each copies the value."""


def corrected(node: Node, faults: Iterable[Fault]) -> Node | None:
    """The corrected value; None where a fault has no suggestion, or there are too many faults."""
    several = tuple(faults)
    found: Node | None = node if len(several) <= _MOST else None
    for fault in several:
        if found is None:
            return None
        found = _corrected(found, fault.path, fault)
    return found


def _corrected(node: Node, path: Path, fault: Fault) -> Node | None:
    """The value with one correction below `path`; a step that was not written is skipped."""
    if not path:
        return _other(node, fault)
    step, rest = path[0], path[1:]
    if isinstance(node, Mapping) and step in node.entries:
        key = str(step)
        if not rest and fault.at_key:
            return _renamed(node, key, fault)
        entry = node.entries[key]
        inner = _corrected(entry.value, rest, fault)
        if inner is None:
            return None
        return Mapping({**node.entries, key: Entry(entry.key_span, inner)}, node.span)
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        item = _corrected(node.items[step], rest, fault)
        if item is None:
            return None
        return Sequence((*node.items[:step], item, *node.items[step + 1 :]), node.span)
    return _corrected(node, rest, fault)


def _renamed(node: Mapping, key: str, fault: Fault) -> Mapping | None:
    """The mapping with a misspelt key corrected, or an unknown key removed."""
    near = fault.suggestion
    if near is None and fault.code not in _UNKNOWN_KEYS:
        return None
    entries = {
        near if one == key else one: entry
        for one, entry in node.entries.items()
        if one != key or (near is not None and near not in node.entries)
    }
    return Mapping({str(one): entry for one, entry in entries.items()}, node.span)


def _other(node: Node, fault: Fault) -> Node | None:
    """The value that the suggestion replaces one with."""
    if fault.suggestion is None or fault.at_key or not isinstance(node, Scalar):
        return None
    text = fault.suggestion
    if fault.part is not None:
        start, end = fault.part
        text = str(node.value)[:start] + text + str(node.value)[end:]
    value, wrong = resolve(text)
    return None if wrong is not None else Scalar(value, node.span, node.plain)
