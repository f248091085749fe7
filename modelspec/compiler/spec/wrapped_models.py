"""A wrapper around a model: `TimeDistributed: frame_net`, where `frame_net` is a shared model.

Wrappers hold one layer each, and a model is not a layer: the entry is a call of the model, with a
list of the wrappers around it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.library import is_kind, kinds
from modelspec.core.diagnostics import Span, nearest
from modelspec.core.records import NamedTuple
from modelspec.core.settings import Context
from modelspec.core.source import Entry, Mapping, Node, Scalar

HELD = "layer"
"""The setting of a wrapper that contains the wrapped layer."""
_BESIDE = ("name", "trainable", "dtype", "from", "call", "when", "repeat")


class Held(NamedTuple):
    """The wrapped value of an entry, and its other settings."""

    node: Node
    beside: dict[str, Entry]


class Around(NamedTuple):
    """The shared model that an entry calls through wrappers."""

    name: Scalar
    wrappers: tuple[Layer, ...]
    """The outermost first; each holds an identity layer in place of the model."""
    beside: dict[str, Entry]
    """The other settings of the outermost one."""
    inner: tuple[tuple[str, Span], ...]
    """The other settings of the inner ones, which have none that could be kept."""


def is_model_wrapper(kind: str) -> bool:
    """Whether a kind is a wrapper that can also hold a model."""
    found = LAYERS.find(kind) if kind in LAYERS else None
    return bool(getattr(found, "wraps_each_layer", False))


def held_by(body: Node | None) -> Held | None:
    """The wrapped value of an entry, in any of its forms; None if it has none."""
    if body is None:
        return None
    if not isinstance(body, Mapping):
        return Held(body, {})
    if HELD in body.entries:
        beside = {key: entry for key, entry in body.entries.items() if key != HELD}
        return Held(body.entries[HELD].value, beside)
    others = [key for key in body.entries if key not in _BESIDE]
    if len(others) != 1:
        return None
    entry = body.entries[others[0]]
    beside = {key: one for key, one in body.entries.items() if key in _BESIDE}
    return Held(Mapping({others[0]: entry}, body.span), beside)


def around_shared(
    kind: str, body: Node | None, visible: Collection[str], context: Context
) -> Around | None:
    """The shared name inside wrappers; None if they hold a layer."""
    wrappers: list[Layer] = []
    inner: list[tuple[str, Span]] = []
    beside: dict[str, Entry] = {}
    while is_model_wrapper(kind):
        held = held_by(body)
        if held is None:
            return None
        if wrappers:
            inner += [(key, entry.key_span) for key, entry in held.beside.items()]
        else:
            beside = held.beside
        wrappers.append(_around_nothing(kind, context))
        node = held.node
        if isinstance(node, Scalar) and node.value in visible:
            return Around(node, tuple(wrappers), beside, tuple(inner))
        if not isinstance(node, Mapping) or len(node.entries) != 1:
            return None
        kind, entry = next(iter(node.entries.items()))
        body = entry.value
    return None


class Misspelt(NamedTuple):
    """An undefined name inside wrappers, and the model that was most likely meant."""

    name: str
    span: Span
    meant: str


def misspelt_model(kind: str, body: Node | None, visible: Collection[str]) -> Misspelt | None:
    """The name inside wrappers that is near to that of a model; None if there is none, or if it is
    nearer to that of a layer.
    """
    while is_model_wrapper(kind) and (held := held_by(body)) is not None:
        node = held.node
        if isinstance(node, Mapping) and len(node.entries) == 1:
            kind, entry = next(iter(node.entries.items()))
            span, body = entry.key_span, entry.value
        elif isinstance(node, Scalar) and isinstance(node.value, str):
            kind, span, body = node.value, node.span, None
        else:
            return None
        if kind in LAYERS or kind in LAYERS.refused or kind in visible or is_kind(kind):
            continue
        near = nearest(kind, (*visible, *LAYERS.names(), *kinds()))
        return None if near is None or near in LAYERS else Misspelt(kind, span, near)
    return None


def _around_nothing(kind: str, context: Context) -> Layer:
    cls = LAYERS.find(kind)
    assert cls is not None
    made = cls.from_body({HELD: "Identity"}, context)
    assert isinstance(made, Layer)
    return made


def wrapping(kinds: Sequence[str], name: Scalar) -> Node:
    """The shared name inside the first of several nested wrappers."""
    node: Node = name
    for kind in reversed(kinds[1:]):
        body = Mapping({HELD: Entry(name.span, node)}, name.span)
        node = Mapping({kind: Entry(name.span, body)}, name.span)
    return node
