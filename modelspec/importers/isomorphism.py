"""Whether two specs are the same model, to verify a shortened spec."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.compiler.graph.graph import Ref
from modelspec.compiler.infer import TypedCall, TypedGraph


def is_same(one: TypedGraph, other: TypedGraph, pairs: Pairs | None = None) -> bool:
    """Whether both have the same calls, with the same settings, on tensors of the same types, in
    the same wiring.

    Names of calls may differ, and independent calls may have another order. With `pairs`, the names
    of inputs, outputs and shared layers may differ too: it maps names of the first graph to names
    of the other.
    """
    numbers: dict[Hashable, int] = {}
    first, second = _Meaning(one, numbers, pairs), _Meaning(other, numbers)
    outputs = [
        [tensor if pairs else (name, tensor) for name, tensor in meaning.outputs]
        for meaning in (first, second)
    ]
    return outputs[0] == outputs[1] and first.counts == second.counts


class _Meaning:
    """A number for every call of a graph: equal for calls with the same kind, settings and
    tensors.
    """

    def __init__(
        self, graph: TypedGraph, numbers: dict[Hashable, int], pairs: Pairs | None = None
    ) -> None:
        self.numbers = numbers
        self.pairs = pairs or Pairs({}, {})
        self.layers = {layer.name: layer for layer in graph.layers}
        self.of_name: dict[str, int] = {}
        for name, tensor in graph.inputs.items():
            self.of_name[name] = self._number(("input", self._renamed(name), tensor))
        for layer in graph.layers:
            self.of_name[layer.name] = self._number(self._meaning(layer))
        self.counts = Counter(self.of_name.values())
        """The number of calls of each: two equal layers have separate weights."""
        self.outputs = [(name, self._tensor(ref)) for name, ref in graph.graph.outputs.items()]

    def _number(self, meaning: Hashable) -> int:
        return self.numbers.setdefault(meaning, len(self.numbers))

    def _renamed(self, name: str) -> str:
        return self.pairs.names.get(name, name)

    def _tensor(self, ref: Ref) -> Hashable:
        return self.of_name.get(ref.producer), _position(ref, self.layers)

    def _meaning(self, layer: TypedCall) -> Hashable:
        shared = layer.shared and self._renamed(layer.shared)
        return (
            shared or layer.kind,
            bool(shared),
            len(layer.call.use.around),
            _settings(layer),
            self._inside(layer),
            self._takes(layer),
            layer.outputs,
            repr(sorted(layer.call.use.options.items())),
        )

    def _takes(self, layer: TypedCall) -> Hashable:
        """The tensors of a call, by argument."""
        inputs = layer.call.inputs or {}
        return tuple((argument, self._item(item)) for argument, item in inputs.items())

    def _item(self, item: Ref | Iterable[Ref]) -> Hashable:
        """One tensor, or several."""
        return self._tensor(item) if isinstance(item, Ref) else tuple(map(self._tensor, item))

    def _inside(self, layer: TypedCall) -> Hashable:
        """What a sub-model computes; empty for a layer."""
        if layer.inside is None:
            return ()
        inner = _Meaning(layer.inside, self.numbers, self.pairs.inside.get(layer.shared or ""))
        outputs = tuple(tensor for _, tensor in inner.outputs)
        return outputs, tuple(sorted(inner.counts.items()))


def _settings(layer: TypedCall) -> str:
    """The settings of a layer as a canonical string."""
    given = layer.call.use.layer
    if given is None:
        return ""
    formula = getattr(given, "formula", None)
    same: dict[str, Any] = (
        {"formula": ast.dump(ast.parse(str(formula), mode="eval"))} if formula is not None else {}
    )
    return repr(given.model_copy(update={"name": None, **_axis(layer), **same}))


def _position(ref: Ref, layers: Mapping[str, TypedCall]) -> int:
    """The output index of a tensor, whether it is selected by number or by name."""
    if ref.output is None:
        return 0
    layer = layers.get(ref.producer)
    names = layer.output_names if layer is not None else ()
    return names.index(ref.output) if ref.output in names else int(ref.output)


def _axis(layer: TypedCall) -> dict[str, Any]:
    """The `axis` of a layer counted from the front, for either notation."""
    if len(layer.outputs) != 1:
        return {}
    axis = getattr(layer.call.use.layer, "axis", None)
    rank = len(layer.outputs[0].shape)
    items = axis if isinstance(axis, (tuple, list)) else (axis,)
    if not rank or not all(type(one) is int and -rank <= one < rank for one in items):
        return {}
    return {"axis": tuple(one % rank for one in items)}


# Matching of two graphs ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """Names of one graph's calls and shared layers by those of another; `inside` are the names in
    sub-models.
    """

    names: Mapping[str, str]
    inside: Mapping[str, Pairs]


def paired(one: TypedGraph, other: TypedGraph) -> Pairs | None:
    """The call of the other graph for each call of the first; None if their wiring differs.

    Both graphs are walked back from their outputs: calls at the same position match. So two layers
    with the same settings on the same tensor are distinguished by their consumers, which is
    required to assign the weights.
    """
    if len(one.graph.outputs) != len(other.graph.outputs) or len(one.inputs) != len(other.inputs):
        return None
    try:
        return _Matching(one, other).pairs()
    except _Mismatch:
        return None


class _Mismatch(Exception):
    """The two graphs are wired differently."""


class _Matching:
    """The calls of two graphs that match, found so far."""

    def __init__(self, one: TypedGraph, other: TypedGraph) -> None:
        self.first = {layer.name: layer for layer in one.layers}
        self.second = {layer.name: layer for layer in other.layers}
        self.found = dict(zip(one.inputs, other.inputs, strict=True))
        self.shared: dict[str, str] = {}
        self.inside: dict[str, Pairs] = {}
        ends = zip(one.graph.outputs.values(), other.graph.outputs.values(), strict=True)
        self.queue: list[tuple[Ref, Ref]] = list(ends)

    def pairs(self) -> Pairs:
        """The names that match. Raises `_Mismatch`."""
        while self.queue:
            self._match_tensors(*self.queue.pop())
        if len(set(self.found.values())) != len(self.found):
            raise _Mismatch
        return Pairs({**self.found, **self.shared}, self.inside)

    def _match_tensors(self, mine: Ref, its: Ref) -> None:
        if _position(mine, self.first) != _position(its, self.second):
            raise _Mismatch
        if mine.producer not in self.found:
            self._match_calls(mine.producer, its.producer)
        elif self.found[mine.producer] != its.producer:
            raise _Mismatch

    def _match_calls(self, mine: str, its: str) -> None:
        layer, match = self.first.get(mine), self.second.get(its)
        if layer is None or match is None or (layer.kind != match.kind and layer.shared is None):
            raise _Mismatch
        self.found[mine] = its
        refs, matches = list(layer.call.refs()), list(match.call.refs())
        same_arguments = list(layer.call.inputs or {}) == list(match.call.inputs or {})
        if len(refs) != len(matches) or not same_arguments:
            raise _Mismatch
        self.queue.extend(zip(refs, matches, strict=True))
        if layer.shared is not None and match.shared is not None:
            self._match_shared(layer.shared, layer.inside, match.shared, match.inside)

    def _match_shared(
        self, mine: str, inside: TypedGraph | None, its: str, other: TypedGraph | None
    ) -> None:
        if self.shared.setdefault(mine, its) != its:
            raise _Mismatch
        if mine in self.inside or inside is None or other is None:
            return
        inner = paired(inside, other)
        if inner is None:
            raise _Mismatch
        self.inside[mine] = inner
