"""`training.freeze`: marks the weights of frozen layers in a typed graph as not trainable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    A shared layer that matches once is frozen at all its calls. Of a layer with layers inside it,
    these can be frozen too.
    """
    frozen = PatternSet(patterns)
    named: set[int] = set()
    inner: dict[int, list[str]] = {}
    for path, call in layer_paths(typed.graph):
        if frozen.match(path):
            named.add(owner_of(call))
        elif chosen := [one for one in inner_layers(call) if frozen.match(f"{path}/{one}")]:
            inner[owner_of(call)] = chosen
    return _Freezing(named, inner).graph(typed) if named or inner else typed


def freeze_owners(typed: TypedGraph, owners: set[int]) -> TypedGraph:
    """The graph in which the layers and sub-models with these identities (`owner_of`) have
    `trainable: false`.
    """
    return _Freezing(owners, {}).graph(typed) if owners else typed


def inner_layers(call: Call) -> tuple[str, ...]:
    """The paths of the layers inside the layer of a call, below its own."""
    return call.callee.inner_layers if isinstance(call.callee, Layer) else ()


def owner_of(call: Call) -> int:
    """The identity of the layer or model with the weights of a call: a shared one, or the call."""
    return id(call.callee if call.shared else call)


class _Freezing:
    """Rebuilds one graph. `callees` and `graphs` preserve the identity of shared objects."""

    def __init__(self, named: set[int], inner: Mapping[int, Sequence[str]]) -> None:
        self.named = named
        self.inner = inner
        """The layers inside layers, by the identity of the outer one."""
        self.callees: dict[int, Callee] = {}
        self.graphs: dict[tuple[int, bool], TypedGraph] = {}

    def graph(self, typed: TypedGraph, *, whole: bool = False) -> TypedGraph:
        """`whole`: the sub-model itself is named."""
        key = (id(typed), whole)
        if key not in self.graphs:
            layers = tuple(self._call(layer) for layer in typed.layers)
            graph = replace(typed.graph, trainable=typed.graph.trainable and not whole)
            self.graphs[key] = replace(typed, graph=graph, layers=layers)
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
            return self._partly(layer, self.inner.get(owner_of(layer.call), ()))
        weights = tuple(weight._replace(trainable=False) for weight in layer.weights)
        return replace(
            layer,
            call=replace(layer.call, callee=frozen_copy(layer.call.callee, self.callees)),
            weights=weights,
        )

    def _partly(self, layer: TypedCall, paths: Sequence[str]) -> TypedCall:
        """The call with some layers inside its layer frozen."""
        callee = layer.call.callee
        if not paths or not isinstance(callee, Layer):
            return layer
        made = self.callees.setdefault(id(callee), callee.with_frozen(paths))
        weights = tuple(
            one._replace(trainable=one.trainable and not _is_below(one.name, paths))
            for one in layer.weights
        )
        return replace(layer, call=replace(layer.call, callee=made), weights=weights)


def _is_below(weight: str, paths: Sequence[str]) -> bool:
    return any(weight.startswith(f"{path}/") for path in paths)


def frozen_copy(callee: Callee, copies: dict[int, Callee]) -> Callee:
    """The layer with `trainable: false`. `copies` preserve the identity of shared layers."""
    if isinstance(callee, Layer) and id(callee) not in copies:
        copies[id(callee)] = callee.model_copy(update={"trainable": False})
    return copies.get(id(callee), callee)
