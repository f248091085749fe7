"""The calls of layers in a model, and those that a rule is about.

A model of thousands of layers has few classes of layers, and most rules are about a fact that few
classes state. Such a rule asks for the calls of these classes, and visits no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from modelspec.catalog.layers.layer import Layer
from modelspec.core.records import NamedTuple

from ..infer import TypedCall, TypedGraph
from ..infer.shared import nested


class LayerCall(NamedTuple):
    """A call of a layer, not of a sub-model."""

    call: TypedCall
    layer: Layer
    parts: tuple[Layer, ...]
    """The layer, and the layers nested in its settings."""
    classes: tuple[type[Layer], ...]
    """The class of each part."""


class LayerCalls:
    """The calls of layers in some graphs, in order."""

    def __init__(self, graphs: Iterable[TypedGraph]) -> None:
        self.all = tuple(_of(graphs))
        self._kinds = {one.classes for one in self.all}

    def stating(self, *facts: str) -> tuple[LayerCall, ...]:
        """The calls of layers that state one of the facts, or have a layer that does nested in
        their settings.
        """
        kinds = {kind for kind in self._kinds if any(states(cls, facts) for cls in kind)}
        if len(kinds) == len(self._kinds):
            return self.all
        return tuple(one for one in self.all if one.classes in kinds) if kinds else ()


@lru_cache(maxsize=4096)
def states(cls: type[Layer], facts: tuple[str, ...]) -> bool:
    """Whether a class has another value or method than `Layer` for one of the facts, or a setting
    of that name.
    """
    own = any(getattr(cls, fact, None) is not getattr(Layer, fact, None) for fact in facts)
    return own or not cls.model_fields.keys().isdisjoint(facts)


def _of(graphs: Iterable[TypedGraph]) -> Iterable[LayerCall]:
    kinds: dict[type[Layer], tuple[type[Layer]]] = {}
    for graph in graphs:
        for call in graph.layers:
            layer = call.call.callee
            if not isinstance(layer, Layer):
                continue
            parts = nested(layer)
            if len(parts) > 1:
                classes: tuple[type[Layer], ...] = tuple(map(type, parts))
            else:
                classes = kinds.setdefault(type(layer), (type(layer),))
            yield LayerCall(call, layer, parts, classes)
