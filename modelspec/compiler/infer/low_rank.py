"""`training.lora`: adds low-rank adapters to a typed graph, and freezes its other weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from modelspec.catalog.layers.layer import LOW_RANK, Layer, Weight
from modelspec.core.records import NamedTuple

from ..graph.graph import Callee
from ..spec.initial_weights import PatternSet
from ..spec.low_rank import LowRank
from .freeze import frozen_copy, owner_of
from .typed_graph import Adapters, TypedCall, TypedGraph


class Target(NamedTuple):
    """A weight that can have adapters, if nothing else excludes them."""

    path: str
    """The path of its layer: `encoder/dense`, `attention/query`."""
    call: TypedCall
    weight: str
    """Its name in the layer of the spec: `kernel`, `query/kernel`."""
    frozen: bool
    """Whether `freeze` or `trainable: false` applies to it."""

    @property
    def excluded_by(self) -> str | None:
        """The setting with which Keras does not support adapters; None if there is none."""
        layer = _innermost(self.call.call.callee)
        kind = self.weight.rpartition("/")[2]
        settings = ("lora_rank", f"{kind}_constraint")
        return next((one for one in settings if getattr(layer, one, None) is not None), None)


def targets(typed: TypedGraph, prefix: str = "", frozen: bool = False) -> Iterator[Target]:
    """Every weight that can have adapters, at each call of its layer."""
    for call in typed.layers:
        path = f"{prefix}{call.shared or call.name}"
        callee = call.call.callee
        if call.inside is not None:
            inside = call.inside
            yield from targets(inside, f"{path}/", frozen or not inside.graph.trainable)
        elif isinstance(callee, Layer):
            stays = frozen or not _is_trained(callee)
            for weight in call.weights:
                if callee.takes_adapters(weight.name):
                    owner = weight.name.rpartition("/")[0]
                    inner = f"{path}/{owner}" if owner else path
                    own = callee.freezes(weight.name)
                    yield Target(inner, call, weight.name, stays or own)


def covered(patterns: PatternSet, path: str) -> bool:
    """Whether a pattern matches the layer, or a layer or sub-model that contains it."""
    names = path.split("/")
    return any(patterns.match("/".join(names[:count])) for count in range(1, len(names) + 1))


def adapt(typed: TypedGraph, lora: LowRank) -> TypedGraph:
    """The graph with adapters at the weights that `lora` selects, in which nothing else is trained;
    the same graph if it selects none (this is reported by the rules).
    """
    patterns, chosen = PatternSet(lora.layers), dict[int, dict[str, None]]()
    for one in targets(typed):
        if one.excluded_by is None and not one.frozen and covered(patterns, one.path):
            chosen.setdefault(owner_of(one.call.call), {})[one.weight] = None
    if not chosen:
        return typed
    adapters = {
        owner: Adapters(lora.rank, lora.lora_alpha, tuple(names)) for owner, names in chosen.items()
    }
    return _Adapting(adapters, PatternSet(lora.train)).graph(typed)


class _Adapting:
    """Rebuilds one graph; `graphs` and `callees` preserve the identity of shared objects."""

    def __init__(self, adapters: dict[int, Adapters], trained: PatternSet) -> None:
        self.adapters = adapters
        self.trained = trained
        self.callees: dict[int, Callee] = {}
        self.graphs: dict[tuple[int, str], TypedGraph] = {}

    def graph(self, typed: TypedGraph, prefix: str = "") -> TypedGraph:
        key = (id(typed), prefix)
        if key not in self.graphs:
            layers = tuple(self._call(layer, prefix) for layer in typed.layers)
            self.graphs[key] = replace(typed, layers=layers)
        return self.graphs[key]

    def _call(self, layer: TypedCall, prefix: str) -> TypedCall:
        path = f"{prefix}{layer.shared or layer.name}"
        if layer.inside is not None:
            inside = self.graph(layer.inside, f"{path}/")
            stays = not inside.graph.trainable
            weights = tuple(_frozen(inside.weights)) if stays else inside.weights
            return replace(layer, inside=inside, weights=weights)
        callee, adapters = layer.call.callee, self.adapters.get(owner_of(layer.call))
        if adapters is not None:
            return replace(layer, weights=with_adapters(layer, adapters), adapters=adapters)
        if not isinstance(callee, Layer) or covered(self.trained, path):
            return layer
        call = replace(layer.call, callee=frozen_copy(callee, self.callees))
        return replace(layer, call=call, weights=tuple(_frozen(layer.weights)))


def with_adapters(call: TypedCall, adapters: Adapters) -> tuple[Weight, ...]:
    """The weights of a call in Keras's order: the adapters of a weight follow the weights of its
    owner. Only the adapters are trained.
    """
    found: list[Weight] = []
    for _, group in groupby(call.weights, key=lambda weight: weight.name.rpartition("/")[0]):
        weights = tuple(group)
        found += _frozen(weights)
        for weight in weights:
            if weight.name in adapters.weights:
                found += factors(weight, adapters.rank)
    return tuple(found)


def factors(weight: Weight, rank: int) -> tuple[Weight, Weight]:
    """The two factors of the update of a weight, which Keras creates in float32."""
    owner, _, name = weight.name.rpartition("/")
    named = f"{owner}/{LOW_RANK}{name}" if owner else f"{LOW_RANK}{name}"
    *rows, columns = weight.shape
    return Weight(f"{named}_a", (*rows, rank)), Weight(f"{named}_b", (rank, columns))


def _frozen(weights: tuple[Weight, ...]) -> Iterator[Weight]:
    return (weight._replace(trainable=False) for weight in weights)


def _innermost(callee: object) -> object:
    """The layer inside wrappers."""
    while isinstance(inner := getattr(callee, "inner", None), Layer):
        callee = inner
    return callee


def _is_trained(layer: Layer) -> bool:
    """Whether the layer, and each layer inside it, is trainable."""
    inner = getattr(layer, "inner", None)
    return layer.trainable and (not isinstance(inner, Layer) or _is_trained(inner))
