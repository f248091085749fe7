"""`training.freeze`: layers whose weights stay, taken out of a typed graph's trainable ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelspec.catalog.layers.layer import Layer

from ..graph import Call, Graph
from ..graph.graph import Callee
from ..spec.initial_weights import PatternSet
from .typed_graph import TypedCall, TypedGraph


def layer_paths(graph: Graph, prefix: str = "") -> Iterator[tuple[str, Call]]:
    """Every layer by the names that lead to it: `dense_1`, `encoder`, `encoder/dense`. What is
    shared goes by the name that is shared, as its Keras layer does.
    """
    for call in graph.calls:
        path = f"{prefix}{call.shared or call.name}"
        yield path, call
        if isinstance(call.callee, Graph):
            yield from layer_paths(call.callee, f"{path}/")


def freeze(typed: TypedGraph, patterns: tuple[str, ...]) -> TypedGraph:
    """The graph with the layers and sub-models that a pattern names as if each had `trainable:
    false`.

    What is shared is one thing: named in one place, it is frozen wherever it is called.
    """
    frozen = PatternSet(patterns)
    named = {_owner(call) for path, call in layer_paths(typed.graph) if frozen.match(path)}
    return _Freezing(named).graph(typed) if named else typed


def _owner(call: Call) -> int:
    return id(call.callee if call.shared else call)


class _Freezing:
    """Makes one graph anew. `callees` and `graphs` keep what is one thing one thing."""

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
        frozen = _owner(layer.call) in self.named
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
            layer, call=replace(layer.call, callee=self._frozen(layer.call.callee)), weights=weights
        )

    def _frozen(self, callee: Callee) -> Callee:
        if isinstance(callee, Layer) and id(callee) not in self.callees:
            self.callees[id(callee)] = callee.model_copy(update={"trainable": False})
        return self.callees.get(id(callee), callee)
