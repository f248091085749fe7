"""Shared layers and models of a block: one set of weights for all calls in one use of the block,
and another for the next use. Each becomes a shared definition of the model, whose name begins with
that of the use.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from typing import TYPE_CHECKING

from modelspec.core.source import Entry, Mapping, Node, Scalar, Sequence

from ..spec.moving_average import EMA_OF, is_average
from ..spec.wrapped_models import HELD, is_model_wrapper
from .items import Item
from .scope import Scope

if TYPE_CHECKING:
    from .blocks import Block
    from .unroll import Unroller


def inside(
    block: Block, home: Unroller, scope: Scope, level: int
) -> tuple[list[Item], Mapping | None]:
    """The entries of one use of a block, and its shared definitions, expanded. They see the shared
    names of the model and those of the block.
    """
    if block.shared is None:
        own: frozenset[str] = frozenset()
    else:
        own = frozenset(block.shared.entries)
    before, home.shared = home.shared, home.outside | own
    try:
        definitions = _definitions(block.shared, home, scope, level) if block.shared else None
        return home.items(block.layers, scope, level + 1), definitions
    finally:
        home.shared = before


def _definitions(shared: Mapping, home: Unroller, scope: Scope, level: int) -> Mapping:
    from .expand_model import ModelExpander

    expander = ModelExpander(home.values, home.blocks, scope, home.instantiate, level + 1)
    return expander.within(home).shared(shared, home.shared)


def renamed(node: Node, names: MappingType[str, str]) -> Node:
    """An entry, a list of entries or a model whose calls of shared names have other names."""
    if not names:
        return node
    if isinstance(node, Scalar):
        is_name = isinstance(node.value, str) and node.value in names
        return node._replace(value=names[str(node.value)]) if is_name else node
    if isinstance(node, Sequence):
        return Sequence(tuple(renamed(one, names) for one in node.items), node.span)
    if "layers" in node.entries:
        return _renamed_model(node, names)
    if is_average(node):
        source = node.entries[EMA_OF]
        own = Entry(source.key_span, renamed(source.value, names))
        return Mapping({**node.entries, EMA_OF: own}, node.span)
    if len(node.entries) != 1:
        return node
    kind, entry = next(iter(node.entries.items()))
    value = _renamed_held(entry.value, names) if is_model_wrapper(kind) else entry.value
    return Mapping({names.get(kind, kind): Entry(entry.key_span, value)}, node.span)


def _renamed_model(node: Mapping, names: MappingType[str, str]) -> Mapping:
    """A model, whose own shared names hide those of the block."""
    entries = dict(node.entries)
    shared = entries["shared"].value if "shared" in entries else None
    own = shared.entries if isinstance(shared, Mapping) else {}
    rest = {name: new for name, new in names.items() if name not in own}
    layers = entries["layers"]
    entries["layers"] = Entry(layers.key_span, renamed(layers.value, rest))
    if isinstance(shared, Mapping):
        found = {name: Entry(one.key_span, renamed(one.value, rest)) for name, one in own.items()}
        entries["shared"] = Entry(entries["shared"].key_span, Mapping(found, shared.span))
    return Mapping(entries, node.span)


def _renamed_held(body: Node, names: MappingType[str, str]) -> Node:
    """The body of a wrapper: the wrapped value, with or without its key."""
    if isinstance(body, Mapping) and HELD in body.entries:
        held = body.entries[HELD]
        inner = Entry(held.key_span, renamed(held.value, names))
        return Mapping({**body.entries, HELD: inner}, body.span)
    return renamed(body, names)
