"""The description of a model inside other JSON or YAML: `{"model_config": "{...}"}`, the records of
an experiment, a `model.json` of TensorFlow.js.

The search is breadth-first and bounded; nothing that it finds is looked up or run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .architecture import MODELS, Unreadable
from .json_text import value_of

_MOST_VALUES = 20_000
_DEEPEST = 8
_WRITER = ("keras_version", "backend")
_TRAINING = ("training_config", "compile_config")
_MODEL_KEYS = ("modelTopology", "model_config")
"""Keys whose value is a model, also one of a custom class."""


def enclosed(value: Any) -> Any:
    """The description of the only model inside a value, with what the mappings around it contain
    about its writer and its training. A value without one, or that is a model itself, is returned
    unchanged. Raises `Unreadable` for several models.
    """
    if not isinstance(value, Mapping) or _has_class(value) or is_configuration(value):
        return value
    found = list(_models(value))
    if len(found) > 1:
        raise Unreadable(
            f"the file contains {len(found):,} models",
            "write each of them to its own file",
        )
    return found[0] if found else value


def _models(value: Any) -> Iterator[dict[str, Any]]:
    """Every model, the outer ones first. What a model contains is not searched."""
    level: list[tuple[str, Any, dict[str, Any]]] = [("", value, {})]
    left = _MOST_VALUES
    for _ in range(_DEEPEST):
        below: list[tuple[str, Any, dict[str, Any]]] = []
        for key, one, around in level:
            one = _decoded(one)
            if _is_model(one) or (key in _MODEL_KEYS and _has_class(one)):
                yield {**around, **_as_described(one)}
            elif isinstance(one, Mapping):
                about = around | _about(one)
                below += [(name, item, about) for name, item in one.items()]
            elif isinstance(one, list):
                below += [("", item, around) for item in one]
        left -= len(below)
        if left < 0:
            return
        level = below


def _is_model(value: Any) -> bool:
    """Whether a value describes a Sequential or a functional model, or is its configuration."""
    if not _has_class(value):  # in other data, a mapping with an empty list of layers is not one
        return isinstance(value, Mapping) and is_configuration(value) and bool(value["layers"])
    return value["class_name"] in MODELS and is_configuration(value.get("config"))


def _has_class(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("class_name"), str)


def is_configuration(value: Any) -> bool:
    """Whether a value has the form of `model.get_config()`: layers, in Keras 1 as a list."""
    layers = value.get("layers") if isinstance(value, Mapping) else value
    return isinstance(layers, list) and all(map(_has_class, layers))


def kind_of(config: Any) -> str:
    """The class of a model of which only the configuration is known."""
    is_graph = isinstance(config, Mapping) and "input_layers" in config
    return "Functional" if is_graph else "Sequential"


def _as_described(model: Mapping[str, Any]) -> dict[str, Any]:
    """The model with its class, which `model.get_config()` does not contain."""
    return dict(model) if _has_class(model) else {"class_name": kind_of(model), "config": model}


def _about(value: Mapping[str, Any]) -> dict[str, Any]:
    """The writer and the training of the models inside a mapping."""
    found = {key: value[key] for key in _WRITER if isinstance(value.get(key), str)}
    for key in _TRAINING:
        training = _decoded(value.get(key))
        if isinstance(training, Mapping):
            found[key] = training
    return found


def _decoded(value: Any) -> Any:
    """The mapping that a string contains as JSON; every other value as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", '"'):
        return value
    try:
        return value_of(value)
    except Unreadable:
        return value
