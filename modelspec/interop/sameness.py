"""Whether two specs are one model: what a shorter way of writing must not change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

from ..graph.types import Ref
from ..infer import TypedCall, TypedGraph


def is_same(one: TypedGraph, other: TypedGraph, names: set[str] | None = None) -> bool:
    """Whether both have the same calls, of the same settings, on tensors of the same types, in the same wiring.

    Names that nobody gave may differ, and calls that do not depend on one another may stand in another order. `names`
    are those that must be there in both, and mean the same.
    """
    numbers: dict[Hashable, int] = {}
    first, second = _Meaning(one, numbers), _Meaning(other, numbers)
    named = all(first.of_name.get(name) == second.of_name.get(name) for name in names or ())
    return named and first.outputs == second.outputs and first.counts == second.counts


class _Meaning:
    """A number for every call of a graph: the same for calls of one kind and settings on the same tensors."""

    def __init__(self, graph: TypedGraph, numbers: dict[Hashable, int]) -> None:
        self.numbers = numbers
        self.of_name: dict[str, int] = {}
        for name, tensor in graph.inputs.items():
            self.of_name[name] = self._number(("input", name, tensor))
        for layer in graph.layers:
            self.of_name[layer.name] = self._number(self._meaning(layer))
        self.counts = Counter(self.of_name.values())
        """How many calls mean each: two layers of one meaning have weights of their own."""
        self.outputs = [(name, self._tensor(ref)) for name, ref in graph.graph.outputs.items()]

    def _number(self, meaning: Hashable) -> int:
        return self.numbers.setdefault(meaning, len(self.numbers))

    def _tensor(self, ref: Ref) -> Hashable:
        return self.of_name.get(ref.producer), ref.output

    def _meaning(self, layer: TypedCall) -> Hashable:
        given = layer.call.use.layer
        settings: Any = repr(given.model_copy(update={"name": None})) if given is not None else ""
        takes = tuple(
            (argument, self._tensor(item) if isinstance(item, Ref) else tuple(map(self._tensor, item)))
            for argument, item in (layer.call.inputs or {}).items()
        )
        inside: Hashable = ()
        if layer.inside is not None:
            inner = _Meaning(layer.inside, self.numbers)
            inside = (tuple(inner.outputs), tuple(sorted(inner.counts.items())))
        options = repr(sorted(layer.call.use.options.items()))
        return layer.kind, layer.shared, settings, inside, takes, layer.outputs, options
