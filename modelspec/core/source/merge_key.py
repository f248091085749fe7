"""YAML's merge key: `<<: *defaults` puts the entries of another mapping into this one."""

from __future__ import annotations

from typing import Any

from yaml.events import ScalarEvent

from ..diagnostics import Span
from ..records import NamedTuple
from . import yaml_faults
from .node import Entry, Mapping, Node, Sequence
from .reader import Reading


class Merge(NamedTuple):
    place: Span
    before: int
    """How many entries come before the `<<`."""
    node: Node


def is_merge(event: Any) -> bool:
    return type(event) is ScalarEvent and event.value == "<<" and not event.style


def merged(reading: Reading, entries: dict[str, Entry], merge: Merge) -> dict[str, Entry]:
    """The entries, with those of `<<` in its position. Entries of the mapping itself take
    precedence, then those that are merged first.

    Every merged entry counts as a node; otherwise a few lines could create 2^n of them.
    """
    sources = merge.node.items if isinstance(merge.node, Sequence) else (merge.node,)
    added: dict[str, Entry] = {}
    for node in sources:
        if not isinstance(node, Mapping):
            reading.report(yaml_faults.bad_merge(), merge.place)
            continue
        reading.spend(len(node.entries), merge.place)
        for name, entry in node.entries.items():
            if name not in entries:
                added.setdefault(name, entry)
    own = list(entries.items())
    return dict(own[: merge.before]) | added | dict(own[merge.before :])
