"""The order of keys in a resolved spec: the order of the language's reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from modelspec.core.ignored_keys import is_ignored
from modelspec.core.source import Entry, Node, Sequence
from modelspec.core.source import Mapping as MappingNode

_TOP: Final = (
    "modelspec",
    "name",
    "description",
    "seed",
    "model",
    "data",
    "training",
    "generate",
    "expect",
    "runtime",
    "sweep",
)
_MODEL: Final = ("trainable", "image_data_format", "inputs", "shared", "layers", "outputs")
_DATA: Final = ("source", "train", "validation", "test", "split", "inputs", "targets")
_TRAINING: Final = (
    "optimizer",
    "loss",
    "loss_weights",
    "class_weight",
    "metrics",
    "weighted_metrics",
    "epochs",
    "batch_size",
    "callbacks",
    "checkpoint",
    "freeze",
    "lora",
    "weights",
)
_LAST: Final[tuple[str, ...]] = ("name", "from", "call")
"""Keys of an entry of `layers`: they come after the layer's own settings."""


def in_order(root: MappingNode) -> MappingNode:
    """The document with the keys of every section in order, without ignored keys (`x-...`)."""
    kept = {key: entry for key, entry in root.entries.items() if not is_ignored(key)}
    for key, keys in (("model", None), ("data", _DATA), ("training", _TRAINING)):
        if key in kept:
            node = kept[key].value
            kept[key] = Entry(
                kept[key].key_span, _model(node) if keys is None else _section(node, keys)
            )
    return MappingNode(_sorted(kept, _TOP), root.span)


def _section(node: Node, keys: tuple[str, ...]) -> Node:
    return (
        MappingNode(_sorted(node.entries, keys), node.span)
        if isinstance(node, MappingNode)
        else node
    )


def _model(node: Node) -> Node:
    """A model, and its shared models."""
    if isinstance(node, Sequence):
        return _layers(node)
    if not isinstance(node, MappingNode):
        return node
    if "layers" not in node.entries:
        return _entry(node)
    entries = dict(node.entries)
    entries["layers"] = Entry(entries["layers"].key_span, _layers(entries["layers"].value))
    if (shared := entries.get("shared")) and isinstance(shared.value, MappingNode):
        things = {
            name: Entry(one.key_span, _model(one.value))
            for name, one in shared.value.entries.items()
        }
        entries["shared"] = Entry(shared.key_span, MappingNode(things, shared.value.span))
    return MappingNode(_sorted(entries, _MODEL), node.span)


def _layers(node: Node) -> Node:
    return (
        Sequence(tuple(map(_entry, node.items)), node.span) if isinstance(node, Sequence) else node
    )


def _entry(node: Node) -> Node:
    """An entry with its reserved words last."""
    if not isinstance(node, MappingNode) or len(node.entries) != 1:
        return node
    kind, entry = next(iter(node.entries.items()))
    body = entry.value
    if not isinstance(body, MappingNode) or not any(word in body.entries for word in _LAST):
        return node
    own = {key: one for key, one in body.entries.items() if key not in _LAST}
    last = {word: body.entries[word] for word in _LAST if word in body.entries}
    return MappingNode(
        {kind: Entry(entry.key_span, MappingNode({**own, **last}, body.span))}, node.span
    )


def _sorted(entries: Mapping[str, Entry], order: tuple[str, ...]) -> dict[str, Entry]:
    first = {key: entries[key] for key in order if key in entries}
    return {**first, **{key: entry for key, entry in entries.items() if key not in first}}
