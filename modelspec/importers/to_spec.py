"""An `Architecture` to a spec in the language, in the words of the Keras that it was written by.

What is shared stands under `shared`; a chain needs no `from`; names are kept where somebody gave
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer

from .architecture import Architecture, CallDef, InputDef, LayerDef, Source, Unreadable
from .isomorphism import Pairs
from .layer_kinds import own_kind
from .operations import Chains, formula, formula_of_model
from .value_forms import formula_help

_RECURRENT = (
    "LSTM",
    "GRU",
    "SimpleRNN",
    "RNN",
    "Bidirectional",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
)
"""Layers that Keras 2 calls with their states behind the sequence in one list."""


class Unsaid(ValueError):
    """Layers that a spec cannot say, each with the reason and a help."""

    def __init__(self, found: Iterable[tuple[str, str, str | None]]) -> None:
        self.found = tuple(found)
        super().__init__(f"{len(self.found)} layers cannot be said")


@dataclass(frozen=True)
class LayerNames:
    """Where the layers of a file's model are in a spec's: by name, and those of models that it
    calls.
    """

    names: Mapping[str, str]
    inside: Mapping[str, LayerNames]

    def renamed(self, pairs: Pairs) -> LayerNames:
        """The same for a spec in which calls have other names."""
        inside = {
            name: (
                inner.renamed(pairs.inside[self.names[name]])
                if self.names[name] in pairs.inside
                else inner
            )
            for name, inner in self.inside.items()
        }
        return LayerNames(
            {name: pairs.names.get(place, place) for name, place in self.names.items()}, inside
        )


@dataclass(frozen=True)
class Written:
    """A model as a spec with every setting that its file has."""

    spec: dict[str, Any]
    layers: LayerNames
    placeholders: tuple[tuple[str, str], ...] = ()


def write_spec(model: Architecture, *, placeholders: bool = False) -> Written:
    """The model as a spec. Raises `Unsaid` with every layer that it cannot say, unless
    `placeholders` stand for it.
    """
    writer = _Writer(model, (), ())
    body = writer.body()
    if writer.unsaid and not placeholders:
        raise Unsaid(writer.unsaid)
    spec = {"modelspec": 1, "name": clean(model.name, ()), "model": body}
    return Written(
        spec, writer.layer_names(), tuple((name, reason) for name, reason, _ in writer.unsaid)
    )


def clean(name: str, taken: Iterable[str]) -> str:
    """A name as the language has them: letters, digits, `_`, `-`, `+` and spaces inside."""
    found = re.sub(r"[^\w \-+]", "_", name).strip(" -+")[:100] or "layer"
    number, free = 1, found
    while free in taken:
        number, free = number + 1, f"{found}_{number}"
    return free


class _Writer:
    """Writes one model. `around` are the shared names of the models around it."""

    def __init__(self, model: Architecture, around: tuple[str, ...], path: tuple[str, ...]) -> None:
        self.model = model
        self.path = path
        self.inner: dict[str, _Writer] = {}
        self.chains = Chains(model)
        self.unsaid: list[tuple[str, str, str | None]] = []
        self.counts = _counts(model)
        self.around = around
        self.formulas = {
            name: found
            for name, layer in model.layers.items()
            if layer.inside is not None
            and self.counts.get(name) == 1
            and (found := formula_of_model(layer.inside)) is not None
        }
        self.names = self._call_names()
        self.outputs_of = _outputs_taken(model)

    def layer_names(self) -> LayerNames:
        """Where each layer is."""
        names = {
            name: self.shared_name(name) if self._is_shared(name) else self.names[name, 0]
            for name in self.model.layers
            if (name, 0) in self.names
        }
        return LayerNames(names, {name: inner.layer_names() for name, inner in self.inner.items()})

    def body(self) -> dict[str, Any]:
        """The grammar of `model`: inputs, shared, layers, outputs."""
        found: dict[str, Any] = {}
        shared = {
            name: self._shared_thing(name) for name in self.model.layers if self._is_shared(name)
        }
        if not self.model.is_chain or not self.around_is_call:
            found["inputs"] = self._inputs()
        if not self.model.trainable:
            found["trainable"] = False
        if shared:
            found["shared"] = {self.shared_name(name): thing for name, thing in shared.items()}
        found["layers"] = self._entries()
        if (outputs := self._outputs()) is not None:
            found["outputs"] = outputs
        return found

    @property
    def around_is_call(self) -> bool:
        """Whether this is a model in a model: a chain takes whatever it is called with."""
        return bool(self.around)

    # Names ----------------------------------------------------------------------------------------

    def _is_shared(self, name: str) -> bool:
        inside = self.model.layers[name].inside
        return self.counts.get(name, 0) > 1 or (inside is not None and name not in self.formulas)

    def shared_name(self, name: str) -> str:
        """A layer's name as a shared thing's; the name of a kind cannot be one."""
        found = clean(name, ())
        return f"shared_{found}" if found in LAYERS or found in self.around else found

    def _call_names(self) -> dict[tuple[str, int], str]:
        """The name of every call's tensor."""
        taken: set[str] = {clean(one.name, ()) for one in self.model.inputs}
        found: dict[tuple[str, int], str] = {}
        for call in self.model.calls:
            name = clean(call.layer, taken)
            taken.add(name)
            found[call.layer, call.number] = name
        return found

    # Parts ----------------------------------------------------------------------------------------

    def _inputs(self) -> Any:
        if self.model.is_chain and not self.around_is_call:
            one = _input_value(self.model.inputs[0])
            return one if isinstance(one, list) else {"input": one}
        return {clean(one.name, ()): _input_value(one) for one in self.model.inputs}

    def _shared_thing(self, name: str) -> Any:
        layer = self.model.layers[name]
        if layer.inside is None:
            kind, own = self._layer(layer)
            return {kind: own}
        inner = self.inner[name] = _Writer(
            layer.inside, (*self.around, self.shared_name(name)), (*self.path, name)
        )
        body = inner.body()
        self.unsaid.extend(inner.unsaid)
        if layer.config.get("trainable") is False:
            body["trainable"] = False
        plain_chain = set(body) == {"layers"}
        return body["layers"] if plain_chain else body

    def _entries(self) -> list[Any]:
        found: list[Any] = []
        above: Source | None = Source(self.model.inputs[0].name, 0, 0)
        for call in self.model.calls:
            if (call.layer, call.number) in self.chains.inner:
                continue
            found.append(self._entry(call, above))
            above = Source(call.layer, call.number, 0)
        return found

    def _entry(self, call: CallDef, above: Source | None) -> dict[str, Any]:
        layer = self.model.layers[call.layer]
        name = self.names[call.layer, call.number]
        if layer.name in self.chains.operations:
            return self._operation(layer, call, name)
        if layer.name in self.formulas:
            text, order = self.formulas[layer.name]
            sources = call.sources()
            taken = [self.reference(sources[position]) for position in order]
            body: dict[str, Any] = {"formula": text, "name": name}
            return {"Expression": {**body, "from": taken if len(taken) > 1 else taken[0]}}
        if layer.kind == "CustomScaleLayer" and len(call.sources()) == 2:  # of InceptionResNetV2
            scale = layer.config.get("scale", 0.1)
            return {
                "Expression": {
                    "formula": f"x + y * {scale!r}",
                    "name": name,
                    "from": [self.reference(source) for source in call.sources()],
                }
            }
        if self._is_shared(call.layer):
            kind = self.shared_name(call.layer)
            body = {}
            if name != kind:
                body["name"] = name
        else:
            kind, own = self._layer(layer)
            body = {**own, "name": name}
        source = self._from(layer, call, above)
        if source is not None:
            body["from"] = source
        options = {key: value for key, value in call.options.items() if value is not None}
        if options:
            body["call"] = options
        return {kind: body}

    def _operation(self, layer: LayerDef, call: CallDef, name: str) -> dict[str, Any]:
        """A call of one of Keras's operations, which a spec says as a layer or as a formula."""
        if (kind := self.chains.as_layer(call)) is not None:
            return {
                kind: {"name": name, "from": [self.reference(source) for source in call.sources()]}
            }
        try:
            text, sources = formula(self.chains, call)
            if not sources:
                raise Unreadable("it takes no tensor")
        except Unreadable as error:
            self.unsaid.append((layer.name, str(error), error.help))
            first = next(iter(call.sources()), None)
            return {
                "Identity": {"name": name, **({"from": self.reference(first)} if first else {})}
            }
        named = {key: self.reference(source) for key, source in sources.items()}
        return {
            "Expression": {
                "formula": text,
                "name": name,
                "from": list(named.values()) if len(named) > 1 else next(iter(named.values())),
            }
        }

    def _layer(self, layer: LayerDef) -> tuple[str, dict[str, Any]]:
        try:
            if layer.kind == "Lambda":
                raise Unreadable(
                    "it holds Python code, which is never run", formula_help(layer.config)
                )
            return own_kind(layer)
        except Unreadable as error:
            self.unsaid.append(("/".join((*self.path, layer.name)), str(error), error.help))
            return "Identity", {}

    # Tensors --------------------------------------------------------------------------------------

    def reference(self, source: Source) -> str:
        """A tensor as `from` names it."""
        if source.layer in {one.name for one in self.model.inputs}:
            return clean(source.layer, ())
        name = self.names.get((source.layer, source.call))
        if name is None:
            raise Unreadable(f"`{source.layer}` is called less often than its tensors are taken")
        return (
            name
            if self.outputs_of.get((source.layer, source.call)) == {0}
            else f"{name}.{source.output}"
        )

    def _from(self, layer: LayerDef, call: CallDef, above: Source | None) -> Any:
        tensors = dict(call.tensors)
        first = tensors.get("")
        if list(tensors) == [""] and isinstance(first, Source):
            return None if first == above else self.reference(first)
        if list(tensors) == [""] and not isinstance(first, Source) and layer.kind not in _RECURRENT:
            assert first is not None
            return [self.reference(source) for source in first]
        return {
            name: (
                self.reference(item)
                if isinstance(item, Source)
                else [self.reference(one) for one in item]
            )
            for name, item in _by_argument(layer, tensors).items()
        }

    def _outputs(self) -> Any:
        ends = self.model.outputs
        if isinstance(ends, Mapping):
            return {clean(name, ()): self.reference(source) for name, source in ends.items()}
        last = self.model.calls[-1]
        if len(ends) == 1:
            is_last = ends[0] == Source(last.layer, last.number, 0)
            return None if is_last else self.reference(ends[0])
        return [self.reference(source) for source in ends]


def _counts(model: Architecture) -> dict[str, int]:
    found: dict[str, int] = {}
    for call in model.calls:
        found[call.layer] = found.get(call.layer, 0) + 1
    return found


def _outputs_taken(model: Architecture) -> dict[tuple[str, int], set[int]]:
    """Which outputs of a call are used."""
    ends = model.outputs.values() if isinstance(model.outputs, Mapping) else model.outputs
    found: dict[tuple[str, int], set[int]] = {}
    for source in (*(one for call in model.calls for one in call.sources()), *ends):
        found.setdefault((source.layer, source.call), set()).add(source.output)
    return found


def _input_value(one: InputDef) -> Any:
    if one.shape is None:
        raise Unreadable(
            f"the file does not say the shape of the input `{one.name}`",
            "give it: `--input-shape 224,224,3`",
        )
    shape = list(one.shape[1:])
    value: dict[str, Any] = {"shape": shape}
    if one.dtype != "float32":
        value["dtype"] = one.dtype
    if one.shape and one.shape[0] is not None:
        value["batch_size"] = one.shape[0]
    if one.optional:
        value["optional"] = True
    return shape if len(value) == 1 else value


def _by_argument(layer: LayerDef, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors by the name of the argument: the first has none in a file, others may stand behind
    it.
    """
    kind = LAYERS.find(layer.kind)
    names = (
        [one.name for one in kind.arguments]
        if kind is not None and issubclass(kind, Layer)
        else ["inputs"]
    )
    found: dict[str, Any] = {}
    for key, item in tensors.items():
        position = int(key) if key.isdigit() else 0 if not key else None
        if position is None:
            found[key] = item
        elif not isinstance(item, Source) and layer.kind in _RECURRENT and position == 0:
            found[names[0]], *rest = item
            if rest:
                found["initial_state"] = rest
        else:
            found[names[position] if position < len(names) else key] = item
    return found
