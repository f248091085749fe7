"""`training.freeze`: marks the weights of frozen layers in a typed graph as not trainable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelspec.catalog.layers.layer import Layer

from ..graph import Call, Graph
from ..graph.graph import Callee
from ..spec.initial_weights import PatternSet
from .typed_graph import TypedCall, TypedGraph


def layer_paths(graph: Graph, prefix: str = "") -> Iterator[tuple[str, Call]]:
    """Every layer by its path: `dense_1`, `encoder`, `encoder/dense`. A shared layer has its name
    under `shared`, like its Keras layer.
    """
    for call in graph.calls:
        path = f"{prefix}{call.shared or call.name}"
        yield path, call
        if isinstance(call.callee, Graph):
            yield from layer_paths(call.callee, f"{path}/")


def freeze(typed: TypedGraph, patterns: tuple[str, ...]) -> TypedGraph:
    """The graph in which the layers and sub-models that a pattern matches have `trainable: false`.

    A shared layer that matches once is frozen at all its calls.
    """
    frozen = PatternSet(patterns)
    named = {owner_of(call) for path, call in layer_paths(typed.graph) if frozen.match(path)}
    return freeze_owners(typed, named)


def freeze_owners(typed: TypedGraph, owners: set[int]) -> TypedGraph:
    """The graph in which the layers and sub-models with these identities (`owner_of`) have
    `trainable: false`.
    """
    return _Freezing(owners).graph(typed) if owners else typed


def owner_of(call: Call) -> int:
    """The identity of the layer or model with the weights of a call: a shared one, or the call."""
    return id(call.callee if call.shared else call)


class _Freezing:
    """Rebuilds one graph. `callees` and `graphs` preserve the identity of shared objects."""

    def __init__(self, named: set[int]) -> None:
        self.named = named
        self.callees: dict[int, Callee] = {}
        self.graphs: dict[tuple[int, bool], TypedGraph] = {}

    def graph(self, typed: TypedGraph, *, whole: bool = False) -> TypedGraph:
        """`whole`: the sub-model itself is named."""
        key = (id(typed), whole)
        if key not in self.graphs:
            layers = tuple(self._call(layer) for layer in typed.layers)
            graph = replace(typed.graph, trainable=typed.graph.trainable and not whole)
            self.graphs[key] = TypedGraph(graph, typed.input_types, layers, typed.outputs)
        return self.graphs[key]

    def _call(self, layer: TypedCall) -> TypedCall:
        frozen = owner_of(layer.call) in self.named
        if layer.inside is not None:
            inside = self.graph(layer.inside, whole=frozen)
            stays = not inside.graph.trainable
            weights = (
                tuple(w._replace(trainable=False) for w in inside.weights)
                if stays
                else inside.weights
            )
            return replace(layer, inside=inside, weights=weights)
        if not frozen:
            return layer
        weights = tuple(weight._replace(trainable=False) for weight in layer.weights)
        return replace(
            layer,
            call=replace(layer.call, callee=frozen_copy(layer.call.callee, self.callees)),
            weights=weights,
        )


def frozen_copy(callee: Callee, copies: dict[int, Callee]) -> Callee:
    """The layer with `trainable: false`. `copies` preserve the identity of shared layers."""
    if isinstance(callee, Layer) and id(callee) not in copies:
        copies[id(callee)] = callee.model_copy(update={"trainable": False})
    return copies.get(id(callee), callee)
