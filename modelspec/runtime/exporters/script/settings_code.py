"""Settings as the Keras code that creates the same object."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import PurePath
from typing import Any

import keras

from modelspec.catalog.components.schedule_expression import Expression as RateFormula
from modelspec.catalog.components.warmup_schedules import Warmup
from modelspec.catalog.layers.layer import Layer
from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.settings import Settings
from modelspec.runtime.backend import plugin_classes
from modelspec.runtime.backend.inner_names import inner_name
from modelspec.runtime.backend.layers.activations import own_or_name
from modelspec.runtime.data import RunError

from .helper_code import has_code
from .python_code import Bracketed, Code, Named, literal
from .rate_code import rate_code
from .warmup_code import warmup_code

_MODULES = {"layers": "layers"}
"""Modules of Keras that a script imports separately."""


def settings_code(settings: Settings, **extra: Code) -> Bracketed:
    """`layers.Dense(4, activation="relu")`. Raises `RunError` (MS763) for a kind that Keras does
    not have.
    """
    if isinstance(settings, KerasDeclared):
        return _plugin_code(settings, extra)
    if isinstance(settings, RateFormula):
        return rate_code(settings)
    if isinstance(settings, Warmup):
        return warmup_code(settings)
    if settings.keras_module == "modelspec" and has_code(settings.kind()):
        written = dict(_arguments(settings))
        derived = {name: literal(one) for name, one in settings.derived.items()}
        return _named(settings.kind(), {**written, **derived, **extra})
    if settings.keras_module == "modelspec":
        raise RunError.of(
            "MS763",
            f"Keras has no `{settings.kind()}`, which a script without modelspec requires",
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
    return _named(f"{module}.{settings.kind()}", arguments, first)


def _named(function: str, arguments: dict[str, Code], first: Sequence[Code] = ()) -> Bracketed:
    """A call with `first` by position, and the others by name, `name` last."""
    last = {"name": arguments.pop("name")} if "name" in arguments else {}
    named = tuple(Named(name, value) for name, value in {**arguments, **last}.items())
    return Bracketed(f"{function}(", (*first, *named), ")")


def imported(path: str) -> str:
    """The name in a script of the Keras class of a plugin: `ourlab.keras_layers.ScaledAdd`."""
    return path.replace(":", ".")


def _plugin_code(settings: Settings, extra: dict[str, Code]) -> Bracketed:
    """The call of a class of a plugin, with its own defaults."""
    assert isinstance(settings, KerasDeclared)
    in_layer = isinstance(settings, Layer)
    found = dict(_arguments(settings))
    if settings.passes_defaults:
        for name in type(settings).model_fields:
            if name not in settings.common:
                found[name] = value_code(getattr(settings, name), in_layer)
    found |= extra
    if not plugin_classes.takes_name(plugin_classes.keras_class(type(settings))):
        found.pop("name", None)
    return _named(imported(settings.keras), found)


def _is_function(value: Any) -> bool:
    """Whether a value is a function of a plugin, e.g. an activation, rather than an object of a
    class.
    """
    is_declared = isinstance(value, KerasDeclared)
    return is_declared and not isinstance(plugin_classes.keras_class(type(value)), type)


def _positional(kind: Any) -> list[str]:
    """The arguments without a default."""
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
    """The settings that were written, and those that the model or the runtime determines, if Keras
    has another default.
    """
    in_layer = isinstance(settings, Layer)
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if own_or_name(name, value) is not value:  # a function in the script
            yield name, value
        elif _is_written(settings, name, value, in_layer):
            yield name, value_code(inner_name(value) if name == "name" else value, in_layer)


def _is_written(settings: Settings, name: str, value: Any, in_layer: bool) -> bool:
    if name == "data_format":
        return value not in (None, "channels_last")
    if name == "dtype" and value in (None, "float32"):
        return False
    if name == "trainable" and in_layer:
        return False  # the script freezes layers in one place, after creating them
    return name in settings.model_fields_set or (name == "dtype" and in_layer)


def value_code(value: Any, in_layer: bool = True) -> Code:
    """A setting's value. Only layers accept tuples: metrics expect lists."""
    if _is_function(value):
        return imported(value.keras)
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
