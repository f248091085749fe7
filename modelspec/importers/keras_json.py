"""The JSON of Keras models, 1.0 to 3.x, to an `Architecture`. Keras's own deserializer is never
asked.

Three generations are told apart by their marks:

    Keras 1     a Sequential's `config` is a list; class names and settings of their own
    Keras 2     `inbound_nodes` are lists `[layer, call, output, arguments]`
    Keras 3     `inbound_nodes` are mappings `{args, kwargs}` in which tensors stand as `__keras_tensor__`
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .architecture import MODELS, Architecture, CallDef, InputDef, LayerDef, Source, Unreadable
from .keras_calls import call_of, list_of, mapping_of, renumbered, shown, source_of

LARGEST = 8 * 2**20
"""Bytes of a description that are read: NASNetLarge, the longest of Keras's own, has 1.1 MB."""
_DEEPEST = 50
_DEEPEST_VALUE = 250
_MOST_LAYERS = 4_000
"""Layers of one model: NASNetLarge has 1,041."""
_MOST_CALLS = 100_000
"""Layers that run when every call of a model in a model is counted."""


def parse(text: bytes | str) -> Architecture:
    """The architecture in the JSON of a model. Raises `Unreadable`."""
    return architecture(value_of(text))


def value_of(text: bytes | str) -> Any:
    """The plain value of a JSON text, within limits. Raises `Unreadable`."""
    if len(text) > LARGEST:
        raise Unreadable(
            f"the architecture has {len(text):,} bytes, more than the {LARGEST:,} that are read"
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("this is no JSON of a model") from None
    if _is_deeper(value, _DEEPEST_VALUE):
        raise Unreadable(f"the architecture is nested more than {_DEEPEST_VALUE} deep")
    if isinstance(value, str):  # `json.dumps(model.to_json())`, as some wrote it
        return value_of(value) if value.lstrip()[:1] == "{" else value
    return value


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            item
            for one in level
            if isinstance(one, (dict, list))
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def architecture(value: Any, depth: int = 0) -> Architecture:
    """The architecture in a model's configuration. Raises `Unreadable`."""
    if depth > _DEEPEST:
        raise Unreadable(f"models are nested more than {_DEEPEST} deep")
    if isinstance(value, dict) and isinstance(
        value.get("model_config"), dict
    ):  # with training, as in HDF5 files
        value = value["model_config"]
    if isinstance(value, dict) and isinstance(value.get("modelTopology"), dict):  # TensorFlow.js
        return architecture(value["modelTopology"], depth + 1)
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("class_name"), str)
        or "config" not in value
    ):
        raise Unreadable("this is no model: it has no `class_name` and `config`")
    kind, config = value["class_name"], value["config"]
    if kind not in MODELS or not _is_model(config):
        raise Unreadable(
            f"`{shown(kind)}` is a class of its author's, and its file does not say how it"
            " computes",
            "only Sequential and functional models describe themselves",
        )
    as_chain = kind == "Sequential" or isinstance(config, list)
    found = _sequential(config, depth) if as_chain else _functional(config, depth)
    if found.run > _MOST_CALLS:
        raise Unreadable(
            f"more than {_MOST_CALLS:,} layers run when every call of a model in it is counted"
        )
    return found


def _is_model(config: Any) -> bool:
    return isinstance(config, list) or (
        isinstance(config, dict) and isinstance(config.get("layers"), list)
    )


# Sequential ---------------------------------------------------------------------------------------


def _sequential(config: Any, depth: int) -> Architecture:
    items = config if isinstance(config, list) else config["layers"]
    name = str(config.get("name", "model")) if isinstance(config, dict) else "model"
    layers: dict[str, LayerDef] = {}
    calls: list[CallDef] = []
    given: InputDef | None = None
    order: list[tuple[str, str]] = []
    for item in items:
        layer = _layer(item, depth, layers)
        if layer.kind != "InputLayer":  # a Sequential's input is none of its `layers`
            order.append((layer.name, layer.kind))
        if layer.kind == "InputLayer":
            given = given or _input(layer)
            continue
        if not calls and given is None:
            given = _first_input(layer)
        source = Source(calls[-1].layer, 0, 0) if calls else Source(_chain_input(given), 0, 0)
        layers[layer.name] = layer
        calls.append(CallDef(layer.name, 0, {"": source}))
    if not calls:
        raise Unreadable("the model has no layers")
    if given is None and isinstance(config, dict):
        given = _built(config)
    inputs = (given or InputDef(_chain_input(None), None),)
    trainable = not (isinstance(config, dict) and config.get("trainable") is False)
    return Architecture(
        name,
        inputs,
        layers,
        tuple(calls),
        (Source(calls[-1].layer, 0, 0),),
        trainable,
        tuple(order),
        is_chain=True,
    )


def _chain_input(given: InputDef | None) -> str:
    return given.name if given else "input"


def _first_input(layer: LayerDef) -> InputDef | None:
    """The input that a first layer's settings describe, in Keras 1 and 2."""
    config = layer.config
    while (
        layer.inside is None
        and "batch_input_shape" not in config
        and isinstance(config.get("layer"), dict)
    ):
        config = config["layer"].get("config") or {}
    if layer.inside is not None and layer.inside.inputs[0].shape is not None:
        return InputDef("input", layer.inside.inputs[0].shape, layer.inside.inputs[0].dtype)
    if "batch_input_shape" not in config:
        return None
    integer = layer.kind == "Embedding"
    dtype = config.get("input_dtype") or config.get("dtype")
    return InputDef(
        "input", _shape(config["batch_input_shape"]), "int32" if integer else _dtype(dtype)
    )


def _built(config: Mapping[str, Any]) -> InputDef | None:
    shape = config.get("build_input_shape")
    return InputDef("input", _shape(shape)) if isinstance(shape, list) else None


# Functional ---------------------------------------------------------------------------------------


def _functional(config: Mapping[str, Any], depth: int) -> Architecture:
    layers: dict[str, LayerDef] = {}
    order: list[tuple[str, str]] = []
    inputs: dict[str, InputDef] = {}
    pending: list[CallDef] = []
    for item in config["layers"]:
        layer = _layer(item, depth, layers)
        layers[layer.name] = layer
        order.append((layer.name, layer.kind))
        if layer.kind == "InputLayer":
            inputs[layer.name] = _input(layer)
        for number, node in enumerate(list_of(item.get("inbound_nodes"), "inbound_nodes")):
            if node:
                pending.append(call_of(layer, number, node))
    ends = (config.get("input_layers"), config.get("output_layers"))
    given, outputs = map(_by_key, ends) if depth else ends
    chosen = [source.layer for source in _ends(given)]
    unknown = [name for name in chosen if name not in inputs]
    if unknown or not chosen:
        raise Unreadable(
            f"the model's input `{shown(unknown[0])}` is no input layer"
            if unknown
            else "the model has no inputs"
        )
    if not pending:
        raise Unreadable("the model has no layers: what it gives is what it takes")
    calls, results = renumbered(pending, _ends(outputs), layers)
    names = list(map(str, outputs)) if isinstance(outputs, dict) else []
    named: Any = (
        dict(zip(names, results, strict=True))
        if names and len(names) == len(results)
        else tuple(results)
    )
    return Architecture(
        str(config.get("name", "model")),
        tuple(inputs[name] for name in chosen),
        {name: layer for name, layer in layers.items() if layer.kind != "InputLayer"},
        _ordered(calls, set(inputs)),
        named,
        config.get("trainable") is not False,
        tuple(order),
        input_keys=tuple(map(str, given)) if isinstance(given, dict) else (),
    )


def _ordered(pending: list[CallDef], inputs: set[str]) -> tuple[CallDef, ...]:
    """The calls in an order in which each comes after those whose tensors it takes; else as they
    stand in the file.

    A layer that is called twice stands in the file once, at its first call.
    """
    there = {(name, 0) for name in inputs}
    waiting: dict[tuple[str, int], list[CallDef]] = {}
    missing: dict[int, int] = {}
    found: list[CallDef] = []
    for call in pending:
        needed = {(source.layer, source.call) for source in call.sources()} - there
        missing[id(call)] = len(needed)
        for one in needed:
            waiting.setdefault(one, []).append(call)
    ready = [call for call in reversed(pending) if not missing[id(call)]]
    place = {id(call): index for index, call in enumerate(pending)}
    while ready:
        call = ready.pop()
        found.append(call)
        freed = []
        for other in waiting.pop((call.layer, call.number), ()):
            missing[id(other)] -= 1
            if not missing[id(other)]:
                freed.append(other)
        ready.extend(freed)
        ready.sort(key=lambda one: -place[id(one)])
    if len(found) < len(pending):
        lost = next(call for call in pending if call not in found)
        raise Unreadable(
            f"`{shown(lost.layer)}` takes a tensor that nothing gives, or calls go round in a"
            " circle"
        )
    return tuple(found)


def _by_key(value: Any) -> Any:
    """A mapping in the order in which Keras numbers what is in it."""
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
        raise Unreadable(f"a layer has a `class_name` and a `config`, found {shown(entry)}")
    inside = architecture(entry, depth + 1) if kind in MODELS and _is_model(config) else None
    settings = config if isinstance(config, dict) else {}
    name = entry.get("name") or settings.get("name") or _free_name(kind, layers)
    if str(name) in layers:
        raise Unreadable(f"two layers are called `{shown(name)}`")
    return LayerDef(str(name), kind, str(entry.get("module") or ""), settings, inside)


def _free_name(kind: str, layers: Mapping[str, LayerDef]) -> str:
    base = kind.lower()
    return next(name for name in _numbered(base) if name not in layers)


def _numbered(base: str) -> Iterator[str]:
    number = 1
    while True:
        yield f"{base}_{number}"
        number += 1


def _input(layer: LayerDef) -> InputDef:
    config = layer.config
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is None and isinstance(config.get("shape"), list):
        shape = [None, *config["shape"]]
    if config.get("sparse") or config.get("ragged"):
        raise Unreadable(
            f"the input `{shown(layer.name)}` is {'sparse' if config.get('sparse') else 'ragged'}",
            "a spec's tensors are dense",
        )
    dtype = config.get("input_dtype") or config.get("dtype")
    return InputDef(
        layer.name,
        _shape(shape) if shape is not None else None,
        _dtype(dtype),
        config.get("optional") is True,
    )


def _shape(value: Any) -> tuple[int | None, ...]:
    if isinstance(
        value, dict
    ):  # `{"class_name": "TensorShape", "items": [...]}`, `{"__tuple__": true, ...}`
        value = value.get("items")
    if isinstance(value, list) and all(
        one is None or (isinstance(one, int) and one >= 0) for one in value
    ):
        return tuple(value)
    raise Unreadable(f"a shape is a list of sizes, found {shown(value)}")


def _dtype(value: Any) -> str:
    if isinstance(value, dict):  # a policy
        value = mapping_of(value.get("config"), "a dtype").get("name")
    return value if isinstance(value, str) else "float32"
