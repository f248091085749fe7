"""The Keras classes of plugins: imported when a model is built, and registered in Keras."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import keras

from modelspec.core.plugins import Plugins
from modelspec.core.plugins.declared import KerasDeclared
from modelspec.core.plugins.guard import PluginFailure, as_failure, guarded
from modelspec.core.settings import Settings
from modelspec.errors import RunError

from .keras_kinds import unsuitable
from .mismatch import MismatchError
from .plugin_origin import raised_by

_SECONDS: Final = 120.0
"""The time limit of importing a module."""


def made(settings: Settings, arguments: dict[str, Any]) -> Any:
    """The Keras object of a class of a plugin. Raises `RunError` (MS856)."""
    assert isinstance(settings, KerasDeclared)
    cls = keras_class(type(settings))
    what = f"the Keras class `{settings.keras}` of `{settings.kind()}`"
    if not isinstance(cls, type):  # an activation
        if arguments:
            raise _failed(what, PluginFailure("is a function, which takes no settings"))
        return cls
    name = {} if takes_name(cls) else {"name": arguments.pop("name", None)}
    try:  # in this thread: Keras keeps its state by thread
        found = cls(**arguments)
    except Exception as error:  # a plugin may raise anything
        raise _failed(what, as_failure(error)) from error
    if name.get("name") is not None:
        found.name = name["name"]
    return found


def takes_name(cls: type) -> bool:
    """Whether the constructor of a Keras class has a parameter `name`: that of a loss or a metric
    often passes a fixed name to its base class.
    """
    try:
        known = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):  # written in C
        return True
    return any(one.name == "name" or one.kind is one.VAR_KEYWORD for one in known)


def keras_class(declared: type[KerasDeclared]) -> Any:
    """The Keras class of a declaration, registered by its name, so that saved models that contain
    it can be loaded in this process. Raises `RunError` (MS856).
    """
    path, kind = declared.keras, declared.__name__
    module, _, name = path.partition(":")
    found: Any = getattr(_imported(module, kind), name, None)
    reason = "does not exist" if found is None else unsuitable(found, declared.keras_base())
    if reason:
        raise RunError.of(
            "MS856",
            f"`{path}`, the Keras class of `{kind}`, {reason}",
            help=f"correct the import path of `{kind}` in the plugin",
        )
    if keras.saving.get_registered_name(found) == found.__name__:  # not registered by the plugin
        keras.saving.get_custom_objects()[found.__name__] = found
    return found


def register_classes(plugins: Plugins) -> None:
    """Registers the Keras classes of all plugins. Raises `RunError` (MS856)."""
    for kinds in plugins.added.values():
        for cls in kinds.values():
            if issubclass(cls, KerasDeclared):
                keras_class(cls)


def _imported(module: str, kind: str) -> ModuleType:
    try:
        with redirect_stdout(sys.stderr):  # a command may write JSON to its output
            return guarded(lambda: import_module(module), _SECONDS)
    except PluginFailure as failure:
        what = f"the module `{module}`, which contains the Keras class of `{kind}`,"
        raise _failed(what, failure) from None


def _failed(what: str, failure: PluginFailure) -> RunError:
    notes = (f"raised in {failure.place}",) if failure.place else ()
    return RunError.of(
        "MS856", f"{what} {failure.what}", notes=notes, help="correct the plugin, or its settings"
    )


def disagreement(callee: object, message: str, error: Exception | None = None) -> Exception:
    """The error where Keras disagrees with what was inferred of a call, or raised an `error`: a
    wrong declaration of a plugin (MS856), otherwise a bug of modelspec.
    """
    kinds = {one.keras: type(one).__name__ for one in _of_plugins(callee)}
    if not kinds:
        return MismatchError(message)
    found = raised_by(error, kinds) if error is not None else None
    names = " and ".join(f"`{kind}`" for kind in ([found[0]] if found else kinds.values()))
    notes = [f"Keras {as_failure(error).what}"] if error is not None else []
    notes += [f"raised in {found[1]}"] if found else []
    help = f"correct {names} in the plugin: the declaration, or the Keras class"
    return RunError.of("MS856", message, notes=notes, help=help)


def _of_plugins(value: object) -> Iterator[KerasDeclared]:
    """The settings of plugins in a layer."""
    if isinstance(value, KerasDeclared):
        yield value
    if isinstance(value, Settings):
        for name in value.model_fields_set:
            yield from _of_plugins(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _of_plugins(item)
