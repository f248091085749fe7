"""Converts the JSON of Keras models, 1.0 to 3.x, to an `Architecture`, without the deserializer of
Keras.

Three generations differ in their form:

    Keras 1     a Sequential's `config` is a list; different class names and settings
    Keras 2     `inbound_nodes` are lists `[layer, call, output, arguments]`
    Keras 3     `inbound_nodes` are mappings `{args, kwargs}`; a tensor is a `__keras_tensor__`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from .architecture import (
    MODELS,
    Architecture,
    CallDef,
    InputDef,
    LayerDef,
    NotAModel,
    Source,
    Unreadable,
)
from .call_order import ordered, renumbered
from .enclosed_models import enclosed, is_configuration, kind_of
from .input_layers import built_input, first_input, input_of
from .json_text import value_of
from .keras_calls import call_of, list_of, mapping_of, shown, source_of
from .old_defaults import as_of_now
from .tokenizer import tokenizer_as_model
from .value_forms import is_foreign, module_of
from .wrapped_models import held_model
from .writers import stated, writer_of

_DEEPEST = 50
_MOST_LAYERS = 4_000
"""Maximum number of layers of one model: NASNetLarge has 1,041."""
_MOST_CALLS = 100_000
"""Maximum number of layers that run, counting every call of a nested model."""


def parse(text: bytes | str) -> Architecture:
    """The architecture in the JSON of a model. Raises `Unreadable`."""
    return architecture(value_of(text))


def architecture(value: Any) -> Architecture:
    """The architecture in a model's configuration, in the terms of Keras 3. Raises `Unreadable`."""
    value = tokenizer_as_model(enclosed(value))
    writer = writer_of(value)
    version = stated(value, "keras_version") or str(writer.version[0])
    lost: list[str] = []
    found = _architecture(as_of_now(value, writer, lost), 0)
    return replace(found, writer=version, backend=stated(value, "backend"), lost=tuple(lost))


def _architecture(value: Any, depth: int) -> Architecture:
    if depth > _DEEPEST:
        raise Unreadable(f"the model has more than {_DEEPEST} nested levels of models")
    kind, config = _class_and_config(value)
    if kind not in MODELS or not _is_model(config):
        raise Unreadable(
            f"`{shown(kind)}` is a custom class, and its file does not contain how it computes",
            "only Sequential and functional models can be imported",
        )
    is_chain = kind == "Sequential" or isinstance(config, list)
    found = _sequential(config, depth) if is_chain else _functional(config, depth)
    if found.run > _MOST_CALLS:
        raise Unreadable(
            f"the model runs more than {_MOST_CALLS:,} layers, counting every call of a nested"
            " model"
        )
    return found


def _class_and_config(value: Any) -> tuple[str, Any]:
    if isinstance(value, dict) and "config" in value:
        kind = value.get("class_name")
        if isinstance(kind, str):
            return kind, value["config"]
    elif is_configuration(value):
        return kind_of(value), value  # what `model.get_config()` returns
    raise NotAModel("this is not a model: it has no `class_name` and `config`")


def _is_model(config: Any) -> bool:
    return isinstance(config, list) or (
        isinstance(config, dict) and isinstance(config.get("layers"), list)
    )


# Sequential ---------------------------------------------------------------------------------------


def _sequential(config: Any, depth: int) -> Architecture:
    settings = config if isinstance(config, dict) else {}
    layers: dict[str, LayerDef] = {}  # without the input layer, which a Sequential does not include
    calls: list[CallDef] = []
    given: InputDef | None = None
    for item in settings.get("layers", config):
        layer = _layer(item, depth, layers)
        if layer.kind == "InputLayer":
            given = given or input_of(layer)
            continue
        if not calls:
            given = given or first_input(layer)
        first = given.name if given else "input"
        before = calls[-1].layer if calls else first
        layers[layer.name] = layer
        calls.append(CallDef(layer.name, 0, {"": Source(before, 0, 0)}))
    if not calls:
        raise Unreadable("the model has no layers")
    given = given or built_input(settings) or InputDef("input", None)
    return Architecture(
        str(settings.get("name", "model")),
        (given,),
        layers,
        tuple(calls),
        (Source(calls[-1].layer, 0, 0),),
        settings.get("trainable") is not False,
        _order(layers),
        is_chain=True,
    )


def _order(layers: Mapping[str, LayerDef]) -> tuple[tuple[str, str], ...]:
    return tuple((layer.name, layer.kind) for layer in layers.values())


# Functional ---------------------------------------------------------------------------------------


def _functional(config: Mapping[str, Any], depth: int) -> Architecture:
    layers, inputs, calls = _layers_and_calls(config["layers"], depth)
    ends = (config.get("input_layers"), config.get("output_layers"))
    given, outputs = map(_by_key, ends) if depth else ends
    chosen = _chosen(given, inputs)
    if not calls:
        raise Unreadable("the model has no layers: its outputs are its inputs")
    calls, results = renumbered(calls, _ends(outputs), layers)
    return Architecture(
        str(config.get("name", "model")),
        chosen,
        {name: layer for name, layer in layers.items() if layer.kind != "InputLayer"},
        ordered(calls, set(inputs)),
        _named(outputs, results),
        config.get("trainable") is not False,
        _order(layers),
        input_keys=tuple(map(str, given)) if isinstance(given, dict) else (),
    )


def _layers_and_calls(
    items: list[Any], depth: int
) -> tuple[dict[str, LayerDef], dict[str, InputDef], list[CallDef]]:
    """The layers, the input layers among them, and all calls."""
    layers: dict[str, LayerDef] = {}
    inputs: dict[str, InputDef] = {}
    calls: list[CallDef] = []
    for item in items:
        layer = _layer(item, depth, layers)
        layers[layer.name] = layer
        if layer.kind == "InputLayer":
            inputs[layer.name] = input_of(layer)
        nodes = list_of(item.get("inbound_nodes"), "inbound_nodes")
        if any(nodes) and layer.name in inputs:
            raise Unreadable(f"the input layer `{shown(layer.name)}` has inputs")
        calls.extend(call_of(layer, number, node) for number, node in enumerate(nodes) if node)
    return layers, inputs, calls


def _chosen(given: Any, inputs: Mapping[str, InputDef]) -> tuple[InputDef, ...]:
    """The inputs that `input_layers` names."""
    names = [source.layer for source in _ends(given)]
    for name in names:
        if name not in inputs:
            raise Unreadable(f"the model's input `{shown(name)}` is not an input layer")
    if not names:
        raise Unreadable("the model has no inputs")
    return tuple(inputs[name] for name in names)


def _named(outputs: Any, results: list[Source]) -> dict[str, Source] | tuple[Source, ...]:
    """The outputs by name, if `output_layers` has names."""
    names = list(map(str, outputs)) if isinstance(outputs, dict) else []
    if names and len(names) == len(results):
        return dict(zip(names, results, strict=True))
    return tuple(results)


def _by_key(value: Any) -> Any:
    """A mapping in the order in which Keras numbers its items."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def _ends(value: Any) -> list[Source]:
    """`input_layers`, `output_layers`: one `[layer, call, output]`, or lists and mappings of
    them.
    """
    found: list[Source] = []
    queue = [value]
    while queue:
        item = queue.pop(0)
        if isinstance(item, dict):
            queue = [*item.values(), *queue]
        elif isinstance(item, list) and all(isinstance(one, (list, dict)) for one in item):
            queue = [*item, *queue]
        elif item is not None:
            found.append(source_of(item))
    return found


# Layers -------------------------------------------------------------------------------------------


def _layer(item: Any, depth: int, layers: Mapping[str, LayerDef]) -> LayerDef:
    if len(layers) >= _MOST_LAYERS:
        raise Unreadable(f"the model has more than {_MOST_LAYERS:,} layers")
    entry = mapping_of(item, "a layer")
    kind, config = entry.get("class_name"), entry.get("config")
    if not isinstance(kind, str) or not isinstance(config, (dict, list)):
        raise Unreadable(f"a layer must have a `class_name` and a `config`, found {shown(entry)}")
    settings = config if isinstance(config, dict) else {}
    name = str(entry.get("name") or settings.get("name") or _free_name(kind, layers))
    if kind not in MODELS and _is_model(config) and is_foreign(module_of(entry)):
        raise Unreadable(
            f"the nested model `{shown(name)}` is a `{shown(kind)}`, a custom class: what it"
            " computes is Python code",
            "only Sequential and functional models can be imported",
        )
    held, around = held_model(entry)
    is_model = around or (kind in MODELS and _is_model(config))
    inside = _architecture(held, depth + 1) if is_model else None
    if name in layers:
        raise Unreadable(f"two layers have the name `{shown(name)}`")
    return LayerDef(name, kind, module_of(entry), settings, inside, around)


def _free_name(kind: str, layers: Mapping[str, LayerDef]) -> str:
    names = (f"{kind.lower()}_{number}" for number in count(1))
    return next(name for name in names if name not in layers)
