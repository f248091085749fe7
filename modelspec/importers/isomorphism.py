"""Whether two specs are one model: what a shorter way of writing must not change."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.compiler.graph.graph import Ref
from modelspec.compiler.infer import TypedCall, TypedGraph


def is_same(one: TypedGraph, other: TypedGraph, pairs: Pairs | None = None) -> bool:
    """Whether both have the same calls, of the same settings, on tensors of the same types, in the
    same wiring.

    Names of calls may differ, and calls that do not depend on one another may stand in another
    order. With `pairs` those of inputs, outputs and shared things may differ too: they are the
    other graph's names by the first one's.
    """
    numbers: dict[Hashable, int] = {}
    first, second = _Meaning(one, numbers, pairs), _Meaning(other, numbers)
    outputs = [
        [tensor if pairs else (name, tensor) for name, tensor in meaning.outputs]
        for meaning in (first, second)
    ]
    return outputs[0] == outputs[1] and first.counts == second.counts


class _Meaning:
    """A number for every call of a graph: the same for calls of one kind and settings on the same
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
        """How many calls mean each: two layers of one meaning have weights of their own."""
        self.outputs = [(name, self._tensor(ref)) for name, ref in graph.graph.outputs.items()]

    def _number(self, meaning: Hashable) -> int:
        return self.numbers.setdefault(meaning, len(self.numbers))

    def _renamed(self, name: str) -> str:
        return self.pairs.names.get(name, name)

    def _tensor(self, ref: Ref) -> Hashable:
        return self.of_name.get(ref.producer), _position(ref, self.layers)

    def _meaning(self, layer: TypedCall) -> Hashable:
        takes = tuple(
            (
                argument,
                self._tensor(item) if isinstance(item, Ref) else tuple(map(self._tensor, item)),
            )
            for argument, item in (layer.call.inputs or {}).items()
        )
        inside: Hashable = ()
        if layer.inside is not None:
            inner = _Meaning(layer.inside, self.numbers, self.pairs.inside.get(layer.shared or ""))
            inside = (
                tuple(tensor for _, tensor in inner.outputs),
                tuple(sorted(inner.counts.items())),
            )
        options = repr(sorted(layer.call.use.options.items()))
        shared = layer.shared and self._renamed(layer.shared)
        return (
            shared or layer.kind,
            bool(shared),
            _settings(layer),
            inside,
            takes,
            layer.outputs,
            options,
        )


def _settings(layer: TypedCall) -> str:
    """The settings of a layer as a text that is the same for all ways of writing them."""
    given = layer.call.use.layer
    if given is None:
        return ""
    formula = getattr(given, "formula", None)
    same: dict[str, Any] = (
        {"formula": ast.dump(ast.parse(str(formula), mode="eval"))} if formula is not None else {}
    )
    return repr(given.model_copy(update={"name": None, **_axis(layer), **same}))


def _position(ref: Ref, layers: Mapping[str, TypedCall]) -> int:
    """Which of its producer's outputs a tensor is, whether that is said by number or by name."""
    layer = layers.get(ref.producer)
    names = layer.output_names if layer is not None else ()
    return (
        0
        if ref.output is None
        else names.index(ref.output)
        if ref.output in names
        else int(ref.output)
    )


def _axis(layer: TypedCall) -> dict[str, Any]:
    """The `axis` of a layer counted from the front, whichever way it is written."""
    axis = getattr(layer.call.use.layer, "axis", None)
    rank = len(layer.outputs[0].shape) if layer.outputs else 0
    items = axis if isinstance(axis, (tuple, list)) else (axis,)
    if (
        len(layer.outputs) != 1
        or not rank
        or not all(type(one) is int and -rank <= one < rank for one in items)
    ):
        return {}
    return {"axis": tuple(one % rank for one in items)}


# Which is which -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """Names of one graph's calls and shared things by those of another's; `inside` are the same of
    sub-models.
    """

    names: Mapping[str, str]
    inside: Mapping[str, Pairs]


def paired(one: TypedGraph, other: TypedGraph) -> Pairs | None:
    """Which call of the other graph each call of the first is; None where their wiring differs.

    Both are followed from their outputs back: what stands in the same place goes together. So two
    layers of the same settings on the same tensor are told apart by what takes them, which decides
    whose weights are whose.
    """
    found: dict[str, str] = {}
    shared: dict[str, str] = {}
    inside: dict[str, Pairs] = {}
    if len(one.graph.outputs) != len(other.graph.outputs) or len(one.inputs) != len(other.inputs):
        return None
    queue = list(zip(one.graph.outputs.values(), other.graph.outputs.values(), strict=True))
    first = {layer.name: layer for layer in one.layers}
    second = {layer.name: layer for layer in other.layers}
    found.update(zip(one.inputs, other.inputs, strict=True))
    while queue:
        mine, its = queue.pop()
        if _position(mine, first) != _position(its, second):
            return None
        if mine.producer in found:
            if found[mine.producer] != its.producer:
                return None
            continue
        layer, match = first.get(mine.producer), second.get(its.producer)
        if layer is None or match is None or (layer.kind != match.kind and layer.shared is None):
            return None
        found[mine.producer] = its.producer
        refs, matches = list(layer.call.refs()), list(match.call.refs())
        if len(refs) != len(matches) or list(layer.call.inputs or {}) != list(
            match.call.inputs or {}
        ):
            return None
        queue.extend(zip(refs, matches, strict=True))
        if layer.shared is not None and match.shared is not None:
            if shared.setdefault(layer.shared, match.shared) != match.shared:
                return None
            if layer.shared not in inside and layer.inside is not None and match.inside is not None:
                inner = paired(layer.inside, match.inside)
                if inner is None:
                    return None
                inside[layer.shared] = inner
    if len(set(found.values())) != len(found):
        return None
    return Pairs({**found, **shared}, inside)
