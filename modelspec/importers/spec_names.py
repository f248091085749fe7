"""The names that a spec has for what a model's file names: layers, shared things, calls and their
tensors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from modelspec.catalog.layers import LAYERS

from .architecture import Architecture, Source, Unreadable
from .isomorphism import Pairs


@dataclass(frozen=True)
class LayerNames:
    """Where the layers of a file's model are in a spec's: by name, and those of models that it
    calls.
    """

    names: Mapping[str, str]
    inside: Mapping[str, LayerNames]

    def renamed(self, pairs: Pairs) -> LayerNames:
        """The same for a spec in which calls have other names."""
        inside = {name: self._inner_renamed(name, pairs) for name in self.inside}
        names = {name: pairs.names.get(place, place) for name, place in self.names.items()}
        return LayerNames(names, inside)

    def _inner_renamed(self, name: str, pairs: Pairs) -> LayerNames:
        inner, place = self.inside[name], self.names[name]
        return inner.renamed(pairs.inside[place]) if place in pairs.inside else inner


def clean(name: str, taken: Iterable[str] = ()) -> str:
    """A name as the language has them: letters, digits, `_`, `-`, `+` and spaces inside."""
    found = re.sub(r"[^\w \-+]", "_", name).strip(" -+")[:100] or "layer"
    number, free = 1, found
    while free in taken:
        number, free = number + 1, f"{found}_{number}"
    return free


class SpecNames:
    """The names of one model. `around` are the shared names of the models around it.

    `inlined` are the models in it whose calls are entries of their own.
    """

    def __init__(
        self, model: Architecture, around: Collection[str], inlined: Collection[str]
    ) -> None:
        self.model = model
        self.around = around
        self.inlined = inlined
        self.call_counts = Counter(call.layer for call in model.calls)
        self.inputs = {one.name: clean(one.name) for one in model.inputs}
        self.calls = self._of_calls()
        self._outputs_taken = _outputs_taken(model)

    def _of_calls(self) -> dict[tuple[str, int], str]:
        """The name of every call's entry."""
        taken = set(self.inputs.values())
        found: dict[tuple[str, int], str] = {}
        for call in self.model.calls:
            name = clean(call.layer, taken)
            taken.add(name)
            found[call.layer, call.number] = name
        return found

    def is_shared(self, layer: str) -> bool:
        """Whether a layer is defined under `shared`: it has several calls, or is a model."""
        is_model = self.model.layers[layer].inside is not None
        return self.call_counts[layer] > 1 or (is_model and layer not in self.inlined)

    def shared(self, layer: str) -> str:
        """A layer's name as a shared thing's; the name of a kind cannot be one."""
        found = clean(layer)
        return f"shared_{found}" if found in LAYERS or found in self.around else found

    def tensor(self, source: Source) -> str:
        """A tensor as `from` names it."""
        if source.layer in self.inputs:
            return self.inputs[source.layer]
        call = source.layer, source.call
        name = self.calls.get(call)
        if name is None:
            raise Unreadable(f"`{source.layer}` is called less often than its tensors are taken")
        return name if self._outputs_taken.get(call) == {0} else f"{name}.{source.output}"

    def tensors(self, sources: Iterable[Source]) -> list[str]:
        """Several tensors, each as `from` names it."""
        return [self.tensor(source) for source in sources]

    def of_layers(self) -> dict[str, str]:
        """The name in the spec of every layer that is called."""
        return {
            name: self.shared(name) if self.is_shared(name) else self.calls[name, 0]
            for name in self.model.layers
            if (name, 0) in self.calls
        }


def _outputs_taken(model: Architecture) -> dict[tuple[str, int], set[int]]:
    """Which outputs of a call are used."""
    ends = model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs
    found: dict[tuple[str, int], set[int]] = {}
    for source in (*(one for call in model.calls for one in call.sources()), *ends):
        found.setdefault((source.layer, source.call), set()).add(source.output)
    return found
