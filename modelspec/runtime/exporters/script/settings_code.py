"""Settings as the Keras code that makes the same object."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import reduce
from pathlib import PurePath
from typing import Any

import keras

from modelspec.catalog.layers.layer import Layer
from modelspec.core.settings import Settings
from modelspec.runtime.backend.inner_names import inner_name
from modelspec.runtime.data import RunError

from .python_code import Bracketed, Code, Named, literal

_MODULES = {"layers": "layers"}
"""Modules of Keras that a script imports by themselves."""


def settings_code(settings: Settings, **extra: Code) -> Bracketed:
    """`layers.Dense(4, activation="relu")`. Raises `RunError` (MS763) for a kind that Keras does
    not have.
    """
    if settings.keras_module == "modelspec":
        raise RunError.of(
            "MS763",
            f"Keras has no `{settings.kind()}`, so a script without modelspec cannot have it",
            help="export to `saved_model`",
        )
    module = _MODULES.get(settings.keras_module, f"keras.{settings.keras_module}")
    arguments = {**dict(_arguments(settings)), **extra}
    kind = reduce(getattr, (*settings.keras_module.split("."), settings.kind()), keras)
    first = []
    for name in _positional(kind):
        if name not in arguments:
            break
        first.append(arguments.pop(name))
    last = {"name": arguments.pop("name")} if "name" in arguments else {}
    named = tuple(Named(name, value) for name, value in {**arguments, **last}.items())
    return Bracketed(f"{module}.{settings.kind()}(", (*first, *named), ")")


def _positional(kind: Any) -> list[str]:
    """The arguments that have no default."""
    found = []
    for parameter in inspect.signature(kind).parameters.values():
        if (
            parameter.default is not parameter.empty
            or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD
        ):
            break
        found.append(parameter.name)
    return found


def _arguments(settings: Settings) -> Iterator[tuple[str, Code]]:
    """What was written, and what follows from the model or the runtime, where Keras has another
    default.
    """
    in_layer = isinstance(settings, Layer)
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if _is_written(settings, name, value, in_layer):
            yield name, value_code(inner_name(value) if name == "name" else value, in_layer)


def _is_written(settings: Settings, name: str, value: Any, in_layer: bool) -> bool:
    if name == "data_format":
        return value not in (None, "channels_last")
    if name == "dtype" and value in (None, "float32"):
        return False
    if name == "trainable" and in_layer:
        return False  # the script freezes layers in one place, after all of them
    return name in settings.model_fields_set or (name == "dtype" and in_layer)


def value_code(value: Any, in_layer: bool = True) -> Code:
    """A setting's value. Only layers take tuples: metrics look for lists."""
    if isinstance(value, Settings):
        return settings_code(value)
    if isinstance(value, (tuple, list)):
        items = tuple(value_code(item, in_layer) for item in value)
        return Bracketed("(", items, ")") if in_layer else Bracketed("[", items, "]")
    if isinstance(value, dict):
        entries = tuple(
            Named(str(literal(key)), value_code(one, in_layer), ": ") for key, one in value.items()
        )
        return Bracketed("{", entries, "}")
    return literal(str(value) if isinstance(value, PurePath) else value)
