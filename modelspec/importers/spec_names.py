"""The spec names of what a model file contains: layers, shared layers, calls and their tensors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.catalog.layers import LAYERS

from .architecture import Architecture, CallDef, Source, Unreadable
from .isomorphism import Pairs

_WRAPPERS = 4
"""Maximum number of nested wrappers."""


@dataclass(frozen=True)
class LayerNames:
    """The places of the layers of a file's model in the spec's model: by name, including those of
    called models.
    """

    names: Mapping[str, str]
    inside: Mapping[str, LayerNames]

    def renamed(self, pairs: Pairs) -> LayerNames:
        """The places in a spec with other names of calls."""
        inside = {name: self._inner_renamed(name, pairs) for name in self.inside}
        names = {name: pairs.names.get(place, place) for name, place in self.names.items()}
        return LayerNames(names, inside)

    def _inner_renamed(self, name: str, pairs: Pairs) -> LayerNames:
        inner, place = self.inside[name], self.names[name]
        return inner.renamed(pairs.inside[place]) if place in pairs.inside else inner


def clean(name: str, taken: Iterable[str] = ()) -> str:
    """A valid name of the language: letters, digits, `_`, `-`, `+` and inner spaces."""
    found = re.sub(r"[^\w \-+]", "_", name).strip(" -+")[:100] or "layer"
    number, free = 1, found
    while free in taken:
        number, free = number + 1, f"{found}_{number}"
    return free


class SpecNames:
    """The names of one model. `around` are the shared names of the outer models.

    `inlined` are its nested models whose calls become separate entries.
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
        self._taken = {*self.inputs.values(), *map(clean, model.layers)}
        self._outputs_taken = _outputs_taken(model)
        self._with_several = {
            (call.layer, call.number) for call in model.calls if _gives_several(model, call)
        }

    def _of_calls(self) -> dict[tuple[str, int], str]:
        """The name of every call's entry."""
        taken = set(self.inputs.values())
        found: dict[tuple[str, int], str] = {}
        for call in self.model.calls:
            name = clean(call.layer, taken)
            taken.add(name)
            found[call.layer, call.number] = name
        return found

    def free(self, base: str) -> str:
        """An unused name for an additional entry."""
        number, found = 0, base
        while found in self._taken or found in self.calls.values():
            number, found = number + 1, f"{base}_{number + 1}"
        self._taken.add(found)
        return found

    def is_shared(self, layer: str) -> bool:
        """Whether a layer is defined under `shared`: if it has several calls, or is a model."""
        is_model = self.model.layers[layer].inside is not None
        return self.call_counts[layer] > 1 or (is_model and layer not in self.inlined)

    def shared(self, layer: str) -> str:
        """The name of a layer under `shared`; it cannot be the name of a kind."""
        found = clean(layer)
        return f"shared_{found}" if found in LAYERS or found in self.around else found

    def tensor(self, source: Source) -> str:
        """A tensor as `from` names it."""
        if source.layer in self.inputs:
            return self.inputs[source.layer]
        call = source.layer, source.call
        name = self.calls.get(call)
        if name is None:
            raise Unreadable(f"`{source.layer}` has fewer calls than its used tensors require")
        if self.is_only(source):
            return name
        return f"{name}.{self._output(source)}"

    def is_only(self, source: Source) -> bool:
        """Whether the tensor of a call is its only output."""
        call = source.layer, source.call
        return call not in self._with_several and self._outputs_taken.get(call) == {0}

    def _output(self, source: Source) -> str:
        """The selector of an output in a spec: its name in an inner model, or its number."""
        inside = self.model.layers[source.layer].inside
        names = list(inside.outputs) if inside and isinstance(inside.outputs, Mapping) else []
        keys = [clean(str(name)) for name in names]
        is_named = source.output < len(keys) and keys.count(keys[source.output]) == 1
        return keys[source.output] if is_named else str(source.output)

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


def _gives_several(model: Architecture, call: CallDef) -> bool:
    """Whether a call has more than one output, as far as the file shows."""
    layer = model.layers[call.layer]
    if layer.inside is not None:
        return len(layer.inside.outputs) > 1 and not layer.around
    config: Any = layer.config
    for _ in range(_WRAPPERS):
        if not isinstance(config, Mapping):
            break
        if config.get("return_state") is True:
            return True
        config = config["layer"].get("config") if isinstance(config.get("layer"), Mapping) else None
    return call.options.get("return_attention_scores") is True


def _outputs_taken(model: Architecture) -> dict[tuple[str, int], set[int]]:
    """The outputs of a call that are used."""
    ends = model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs
    found: dict[tuple[str, int], set[int]] = {}
    for source in (*(one for call in model.calls for one in call.sources()), *ends):
        found.setdefault((source.layer, source.call), set()).add(source.output)
    return found
