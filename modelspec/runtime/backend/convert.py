"""Converts settings to Keras objects: `keras.<module>.<Kind>(**settings)`, nested ones first.

Layers that are not part of Keras (`keras_module` is `modelspec`) are in `backend.layers`.
"""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from pathlib import PurePath
from typing import Any

import keras

from modelspec.catalog.layers.layer import Layer
from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.settings import Settings

from . import plugin_classes
from .formulas import component
from .inner_names import inner_name
from .layers.activations import own_or_name


def to_keras(value: Any, **extra: Any) -> Any:
    """A setting's value as Keras expects it: a `Settings` becomes the object that it configures.

    `extra` are constructor arguments that replace or extend those of the settings.
    """
    if isinstance(value, Settings):
        if (made := component(value)) is not None:
            return made
        arguments = {**_arguments(value), **value.derived, **extra}
        if isinstance(value, KerasDeclared):
            return plugin_classes.made(value, arguments)
        return _class_of(value)(**arguments)
    if isinstance(value, tuple):
        return tuple(to_keras(item) for item in value)
    if isinstance(value, dict):
        return {key: to_keras(item) for key, item in value.items()}
    if isinstance(
        value, PurePath
    ):  # a vocabulary, confined to the project: Keras accepts paths as strings only
        return str(value)
    return value


def _class_of(settings: Settings) -> Any:
    if settings.keras_module == "modelspec":
        from . import layers

        return getattr(layers, settings.kind())
    if own := getattr(settings, "lowered", ""):
        return getattr(import_module(own), settings.kind())
    return reduce(getattr, (*settings.keras_module.split("."), settings.kind()), keras)


def _arguments(settings: Settings) -> dict[str, Any]:
    """The settings that were written, and those that follow from the model or the runtime rather
    than from the defaults of Keras.
    """
    names = set(settings.model_fields_set)
    if isinstance(settings, KerasDeclared) and settings.passes_defaults:
        # Its own defaults, whatever those of the Keras class are.
        names.update(name for name in type(settings).model_fields if name not in settings.common)
    if "data_format" in type(settings).model_fields:
        names.add("data_format")
    if isinstance(settings, Layer) and not settings.constructed_trainable:
        names.discard("trainable")  # `freeze` takes effect once the layer is built
    if isinstance(settings, Layer) and settings.dtype != "float32":
        names.add("dtype")
    arguments = {
        name: own_or_name(name, to_keras(getattr(settings, name))) for name in sorted(names)
    }
    if "name" in arguments:
        arguments["name"] = inner_name(arguments["name"])
    if not isinstance(
        settings, Layer
    ):  # metrics expect lists (`thresholds: [0.1, 0.5]`) and do not accept tuples
        return {
            name: list(item) if isinstance(item, tuple) else item
            for name, item in arguments.items()
        }
    return arguments
