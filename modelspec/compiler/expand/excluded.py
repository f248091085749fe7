"""Entries that `when` leaves out, and so no later stage sees: of these, what is wrong whatever the
values are.

A kind that nothing has is wrong in any case, and so is a setting that is nearly one of the kind's.
Values are not looked at: they may only make sense where the entry is part of the model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.library import is_kind, kinds
from modelspec.core.diagnostics import Collector, Fault, Span, nearest
from modelspec.core.settings import unknown_name
from modelspec.core.source import Mapping, Node, Scalar, Sequence

from .control_flow import WORDS
from .identifiers import RESERVED


class _Entry(NamedTuple):
    kind: str
    span: Span
    body: Node | None
    names: frozenset[str]
    """What else it may call: blocks and what is shared."""


class ExcludedEntries:
    """The entries of one spec that were left out. One that is part of the model in some round of
    a loop, or in one use of its block, is read there.
    """

    def __init__(self, blocks: frozenset[str]) -> None:
        self._blocks = blocks
        self._excluded: dict[tuple[int, int], _Entry] = {}
        self._included: set[tuple[int, int]] = set()
        self._lists: set[int] = set()
        """Lists that were read: a loop may leave one out in every round."""

    def include(self, span: Span) -> None:
        """Note that the entry whose kind is written there is part of the model."""
        self._included.add((id(span.source), span.start))

    def exclude(self, kind: str, span: Span, body: Node | None, shared: frozenset[str]) -> None:
        """Note an entry that may not be."""
        self._excluded[id(span.source), span.start] = _Entry(
            kind, span, body, self._blocks | shared
        )

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
            if (
                place in self._included
                or "$" in entry.kind
                or entry.kind in entry.names
                or is_kind(entry.kind)
            ):
                continue
            if entry.kind not in LAYERS:
                _check_kind(entry, collector)
            elif entry.kind not in LAYERS.aliases and isinstance(entry.body, Mapping):
                _check_settings(entry, entry.body, collector)


def _check_kind(entry: _Entry, collector: Collector) -> None:
    from ..legacy.layer_tables import KINDS, MERGE

    fault = unknown_name(LAYERS, entry.kind)
    if fault.code != "MS301" or entry.kind in KINDS or entry.kind == MERGE:
        return
    near = LAYERS.today(
        nearest(entry.kind, (*sorted(entry.names), "branches", *LAYERS.names(), *kinds()))
    )
    if near:
        fault = replace(fault, suggestion=near, help=f"did you mean `{near}`?")
    collector.report(fault, entry.span)


def _check_settings(entry: _Entry, body: Mapping, collector: Collector) -> None:
    """Settings that are nearly one of the kind's; older Keras's names for them are reported where
    the entry is part of the model.
    """
    cls = LAYERS.find(entry.kind)
    assert cls is not None
    known = (*cls.model_fields, *cls.reserved, *RESERVED)
    for key, written in body.entries.items():
        near = nearest(key, [one for one in known if one not in body.entries])
        if near is None or key in known or key in LAYERS or _is_older(entry.kind, key):
            continue
        collector.report(
            Fault(
                cls.unknown_code,
                f"`{entry.kind}` has no {cls.field_noun} `{key}`",
                suggestion=near,
                help=f"did you mean `{near}`?",
            ),
            written.key_span,
        )


def _is_older(kind: str, setting: str) -> bool:
    from ..legacy.layer_tables import ANY, INPUT_SETTINGS, SETTINGS

    return setting in SETTINGS.get(kind, {}) or setting in ANY or setting in INPUT_SETTINGS
