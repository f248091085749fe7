"""Converts an `Architecture` to a spec, with the class names and settings of the Keras version that
wrote the file.

Layers with several calls, and models, are defined under `shared`; a chain needs no `from`; names
given by the user are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelspec.compiler.spec.wrapped_models import HELD
from modelspec.core.dtypes import FLOATS

from .architecture import Architecture, CallDef, InputDef, LayerDef, Source, Unreadable
from .formula_constants import Numbers
from .layer_kinds import own_kind, takes_no_tensor
from .layer_tensors import Given, arguments_of
from .operations import Chains, formula_of_model, operations_of
from .single_results import with_single_results
from .spec_names import LayerNames, SpecNames, clean
from .value_forms import formula_help
from .wrapped_models import wrapped_name


class Unsupported(ValueError):
    """Layers that a spec does not support, each with the reason and a fix."""

    def __init__(self, found: Iterable[tuple[str, str, str | None]]) -> None:
        self.found = tuple(found)
        super().__init__(f"{len(self.found)} unsupported layers")


@dataclass(frozen=True)
class Written:
    """A model as a spec with every setting of its file."""

    spec: dict[str, Any]
    layers: LayerNames
    placeholders: tuple[tuple[str, str], ...] = ()


def write_spec(model: Architecture, *, placeholders: bool = False) -> Written:
    """The model as a spec. Raises `Unsupported` with every unsupported layer, unless `placeholders`
    replace it.
    """
    writer = _Writer(model, (), ())
    body = writer.body()
    if writer.unsupported and not placeholders:
        raise Unsupported(writer.unsupported)
    spec = {"modelspec": 1, "name": clean(model.name), "model": body}
    return Written(
        spec, writer.layer_names(), tuple((name, reason) for name, reason, _ in writer.unsupported)
    )


class _Writer:
    """Writes one model. `around` are the shared names of the outer models."""

    def __init__(self, model: Architecture, around: tuple[str, ...], path: tuple[str, ...]) -> None:
        model = with_single_results(model, operations_of(model))
        self.model = model
        self.around = around
        self.path = path
        self.inner: dict[str, _Writer] = {}
        self.unsupported: list[tuple[str, str, str | None]] = []
        self.before: list[dict[str, Any]] = []
        self.constants: dict[Numbers, str] = {}
        self.chains = Chains(model)
        self.formulas = _formulas(model)
        self.names = SpecNames(model, around, self.formulas)

    def layer_names(self) -> LayerNames:
        """The place of each layer."""
        inside = {name: inner.layer_names() for name, inner in self.inner.items()}
        return LayerNames(self.names.of_layers(), inside)

    def body(self) -> dict[str, Any]:
        """The grammar of `model`: inputs, shared, layers, outputs."""
        found: dict[str, Any] = {}
        shared = {
            self.names.shared(name): self._shared_thing(name)
            for name in self.model.layers
            if self.names.is_shared(name)
        }
        if not self.model.is_chain or not self.is_inner:
            found["inputs"] = self._inputs()
        if not self.model.trainable and self.is_inner:
            found["trainable"] = False
        if shared:
            found["shared"] = shared
        found["layers"] = self._entries()
        if (outputs := self._outputs()) is not None:
            found["outputs"] = outputs
        return found

    @property
    def is_inner(self) -> bool:
        """Whether this is a nested model: a chain has no declared inputs."""
        return bool(self.around)

    @property
    def _is_frozen(self) -> bool:
        """Whether no weight of the whole model is trained: a spec sets this for each layer."""
        return not self.model.trainable and not self.is_inner

    # Parts ----------------------------------------------------------------------------------------

    def _inputs(self) -> Any:
        if self.model.is_chain and not self.is_inner:
            one = _input_value(self.model.inputs[0])
            return one if isinstance(one, list) else {"input": one}
        return {self.names.inputs[one.name]: _input_value(one) for one in self.model.inputs}

    def _shared_thing(self, name: str) -> Any:
        layer = self.model.layers[name]
        if layer.inside is None:
            kind, own = self._layer(layer)
            return {kind: own}
        inner = self.inner[name] = _Writer(
            layer.inside, (*self.around, self.names.shared(name)), (*self.path, name)
        )
        body = inner.body()
        self.unsupported.extend(inner.unsupported)
        if layer.config.get("trainable") is False or self._is_frozen:
            body["trainable"] = False
        plain_chain = set(body) == {"layers"}
        return body["layers"] if plain_chain else body

    def _outputs(self) -> Any:
        ends = self.model.outputs
        if isinstance(ends, Mapping):
            return {clean(name): self.names.tensor(source) for name, source in ends.items()}
        last = self.model.calls[-1]
        if len(ends) == 1:
            is_last = ends[0] == Source(last.layer, last.number, 0) and self._is_only(ends[0])
            return None if is_last else self.names.tensor(ends[0])
        return self.names.tensors(ends)

    # Entries --------------------------------------------------------------------------------------

    def _entries(self) -> list[Any]:
        found: list[Any] = []
        above = Source(self.model.inputs[0].name, 0, 0)
        for call in self.model.calls:
            if (call.layer, call.number) in self.chains.inner:
                continue
            entry = self._entry(call, above)
            found.extend(self.before)
            self.before.clear()
            found.append(entry)
            above = Source(call.layer, call.number, 0)
        return found

    def _entry(self, call: CallDef, above: Source) -> dict[str, Any]:
        layer = self.model.layers[call.layer]
        name = self.names.calls[call.layer, call.number]
        if layer.name in self.chains.operations:
            return self._operation(layer, call, name)
        if layer.name in self.formulas:
            text, order = self.formulas[layer.name]
            sources = call.sources()
            dtype = _dtype_of(layer.inside.calls[-1]) if layer.inside is not None else {}
            taken = self.names.tensors(sources[position] for position in order)
            return _expression(text, name, taken, dtype)
        if layer.kind == "CustomScaleLayer" and len(call.sources()) == 2:  # of InceptionResNetV2
            scale = layer.config.get("scale", 0.1)
            dtype = _dtype_of(call)
            taken = self.names.tensors(call.sources())
            return _expression(f"x + y * {scale!r}", name, taken, dtype)
        known = len(self.unsupported)
        kind, body = self._kind_and_settings(layer, name)
        if len(self.unsupported) > known and layer.inside is None:
            return self._placeholder(call, name)
        try:
            given = arguments_of(layer, call)
        except Unreadable as error:
            self._refuse(layer, error)
            return self._placeholder(call, name)
        source = self._from(layer, given.tensors, above)
        if source is not None:
            body["from"] = source
        if given.options:
            body["call"] = given.options
        return {kind: body}

    def _kind_and_settings(self, layer: LayerDef, name: str) -> tuple[str, dict[str, Any]]:
        """The kind of an entry, and its settings with the name of the call."""
        if self.names.is_shared(layer.name):
            shared = self.names.shared(layer.name)
            if layer.around:
                return layer.around[0], {HELD: wrapped_name(layer.around[1:], shared), "name": name}
            return shared, {"name": name} if name != shared else {}
        kind, own = self._layer(layer)
        return kind, {**own, "name": name}

    def _layer(self, layer: LayerDef) -> tuple[str, dict[str, Any]]:
        try:
            if layer.kind == "Lambda":
                raise Unreadable(
                    "it contains Python code, which is never run", formula_help(layer.config)
                )
            kind, own = own_kind(layer)
            return kind, {**own, "trainable": False} if self._is_frozen else own
        except Unreadable as error:
            self._refuse(layer, error)
            return "Identity", {}

    def _refuse(self, layer: LayerDef, error: Unreadable) -> None:
        path = "/".join((*self.path, layer.name))
        self.unsupported.append((path, str(error), error.help))

    def _operation(self, layer: LayerDef, call: CallDef, name: str) -> dict[str, Any]:
        """A call of an operation, which becomes a layer or a formula."""
        try:
            if (found := self.chains.as_layer(call)) is not None:
                taken = self.names.tensors(found.sources)
                source = taken if len(taken) > 1 else taken[0]
                own = {**found.settings, **_dtype_of(call)}
                return {found.kind: {**own, "name": name, "from": source}}
            text, sources = self.chains.formula(call)
            if not any(isinstance(one, Source) for one in sources.values()):
                raise Unreadable("it has no tensor as input")
        except Unreadable as error:
            self._refuse(layer, error)
            return self._placeholder(call, name)
        taken = self._reference(list(sources.values()))
        return _expression(text, name, taken, _dtype_of(call))

    def _constant(self, numbers: Numbers) -> str:
        """The name of the entry with the numbers of a formula, which is added before it."""
        known = self.constants.get(numbers)
        if known is None:
            known = self.constants[numbers] = self.names.free("constant")
            self.before.append({"Constant": {"value": numbers.value, "name": known}})
        return known

    def _placeholder(self, call: CallDef, name: str) -> dict[str, Any]:
        """The entry that replaces an unsupported layer: all of its tensors, so that what they come
        from is used.
        """
        taken = self.names.tensors(dict.fromkeys(call.sources()))
        if len(taken) > 1:
            return {"Add": {"name": name, "from": taken}}
        return {"Identity": {"name": name, **({"from": taken[0]} if taken else {})}}

    def _from(self, layer: LayerDef, tensors: Mapping[str, Any], above: Source) -> Any:
        """The tensors of a call; None if it is the tensor of the previous entry, or if the layer
        takes none.
        """
        if takes_no_tensor(layer):
            return None
        first = tensors.get("")
        if first is None:
            return {name: self._reference(item) for name, item in tensors.items()}
        is_above = first == above and self._is_only(first)
        return None if is_above else self._reference(first)

    def _is_only(self, source: Source) -> bool:
        """Whether this tensor is the default input of an entry without a `from`."""
        return source.layer in self.names.inputs or self.names.is_only(source)

    def _reference(self, item: Given | list[Given]) -> Any:
        """What `from` names: a tensor or a constant, or several."""
        if isinstance(item, list):
            return [self._reference(one) for one in item]
        return self._constant(item) if isinstance(item, Numbers) else self.names.tensor(item)


def _expression(
    formula: str, name: str, taken: list[str], dtype: Mapping[str, str]
) -> dict[str, Any]:
    source = taken if len(taken) > 1 else taken[0]
    return {"Expression": {"formula": formula, **dtype, "name": name, "from": source}}


def _formulas(model: Architecture) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The nested models that are a single formula and are called once, with that formula."""
    counts = Counter(call.layer for call in model.calls)
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, layer in model.layers.items():
        if layer.inside is None or layer.around or counts[name] != 1:
            continue
        if (formula := formula_of_model(layer.inside)) is not None:
            found[name] = formula
    return found


def _dtype_of(call: CallDef) -> dict[str, str]:
    """The `dtype` of an operation: an operation computes in the dtype of its tensors."""
    floats = {dtype for dtype in call.dtypes if dtype in FLOATS}
    if "float64" in floats:
        return {"dtype": "float64"}
    narrow = len(floats) == 1 and floats != {"float32"}  # of several the result is float32
    return {"dtype": floats.pop()} if narrow else {}


def _input_value(one: InputDef) -> Any:
    if one.shape is None:
        raise Unreadable(
            f"the file does not contain the shape of the input `{one.name}`",
            "add it, e.g. `--input-shape 224,224,3`",
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
