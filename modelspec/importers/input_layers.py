"""The inputs of a model, from the JSON of every version of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .architecture import InputDef, LayerDef, Unreadable
from .keras_calls import mapping_of, shown
from .value_forms import dtype_word


def input_of(layer: LayerDef) -> InputDef:
    config = layer.config
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is None and isinstance(config.get("shape"), list):
        shape = [None, *config["shape"]]
    for form in ("sparse", "ragged"):
        if config.get(form):
            raise Unreadable(
                f"the input `{shown(layer.name)}` is {form}", "a spec supports only dense tensors"
            )
    return InputDef(
        layer.name,
        _shape(shape) if shape is not None else None,
        _dtype(config.get("input_dtype") or config.get("dtype")),
        config.get("optional") is True,
    )


def _shape(value: Any) -> tuple[int | None, ...]:
    if isinstance(value, dict):  # `{"class_name": "TensorShape", "items": [...]}`, and others
        value = value.get("items")
    if isinstance(value, list) and all(map(_is_size, value)):
        return tuple(value)
    raise Unreadable(f"a shape must be a list of sizes, found {shown(value)}")


def _is_size(value: Any) -> bool:
    return value is None or (isinstance(value, int) and value >= 0)


def _dtype(value: Any) -> str:
    if isinstance(value, dict):  # a policy
        value = mapping_of(value.get("config"), "a dtype").get("name")
    return dtype_word(value) if isinstance(value, str) else "float32"


def first_input(layer: LayerDef) -> InputDef | None:
    """The input that a first layer's settings describe, in Keras 1 and 2."""
    if layer.inside is not None and not layer.around:
        inner = layer.inside.inputs[0]
        if inner.shape is not None:
            return InputDef("input", inner.shape, inner.dtype)
        config = layer.config
    else:
        config = _first_config(layer.config)
    if "batch_input_shape" not in config:
        return None
    shape = _shape(config["batch_input_shape"])
    if layer.kind == "Embedding":
        return InputDef("input", shape, "int32")
    return InputDef("input", shape, _dtype(config.get("input_dtype") or config.get("dtype")))


def _first_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of a layer, or of the layer in a wrapper, if they contain a shape."""
    while "batch_input_shape" not in config and isinstance(config.get("layer"), dict):
        config = config["layer"].get("config") or {}
    return config


def built_input(config: Mapping[str, Any]) -> InputDef | None:
    shape = config.get("build_input_shape")
    return InputDef("input", _shape(shape)) if isinstance(shape, list) else None
