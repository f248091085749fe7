"""Settings to Keras objects: `keras.<module>.<Kind>(**settings)`, nested ones first.

Layers that Keras does not have (`keras_module` is `modelspec`) are in `backend.layers`.
"""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from pathlib import PurePath
from typing import Any

import keras

from modelspec.catalog.layers.layer import Layer
from modelspec.core.settings import Settings

from .formulas import component
from .inner_names import inner_name


def to_keras(value: Any, **extra: Any) -> Any:
    """A setting's value as Keras takes it: a `Settings` becomes the object that it configures.

    `extra` are arguments of its constructor in place of, or beside, those that the settings give.
    """
    if isinstance(value, Settings):
        if (made := component(value)) is not None:
            return made
        return _class_of(value)(**{**_arguments(value), **extra})
    if isinstance(value, tuple):
        return tuple(to_keras(item) for item in value)
    if isinstance(value, dict):
        return {key: to_keras(item) for key, item in value.items()}
    if isinstance(
        value, PurePath
    ):  # a vocabulary, confined to the project: Keras takes paths as text only
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
    """What was written, and what follows from the model or the runtime rather than from Keras's own
    defaults.
    """
    names = set(settings.model_fields_set)
    if "data_format" in type(settings).model_fields:
        names.add("data_format")
    if isinstance(settings, Layer) and settings.dtype != "float32":
        names.add("dtype")
    arguments = {name: to_keras(getattr(settings, name)) for name in sorted(names)}
    if "name" in arguments:
        arguments["name"] = inner_name(arguments["name"])
    if not isinstance(
        settings, Layer
    ):  # metrics look for lists (`thresholds: [0.1, 0.5]`), and take no tuples
        return {
            name: list(item) if isinstance(item, tuple) else item
            for name, item in arguments.items()
        }
    return arguments
