"""The class of a plugin whose code raised an error of Keras or TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import NamedTuple, TypeVar

from modelspec.core.plugins import Plugins
from modelspec.core.plugins.declared import KerasDeclared

Value = TypeVar("Value")


class PluginOrigin(NamedTuple):
    """The code of a plugin that raised an error."""

    what: str
    """Its description: "the loss `Focal` of the plugin `ourlab.losses`"."""
    place: str
    """The file and the line."""


def plugin_origin(error: BaseException, plugins: Plugins) -> PluginOrigin | None:
    """The innermost code of a Keras class of a plugin in the traceback of an error; None if there
    is none.
    """
    added = {
        cls.keras: f"the {noun} `{kind}` of the plugin `{plugin.module}`"
        for plugin in plugins.all
        for noun, kinds in plugin.members.items()
        for kind, cls in kinds.items()
        if issubclass(cls, KerasDeclared)
    }
    found = raised_by(error, added)
    return PluginOrigin(*found) if found is not None else None


def raised_by(error: BaseException, known: Mapping[str, Value]) -> tuple[Value, str] | None:
    """The value for the import path of the innermost class or function in the traceback of an
    error, with the file and the line; None if none is known.
    """
    modules = {path.partition(":")[0] for path in known}
    for frame, line in _frames(error) if known else ():
        module = frame.f_globals.get("__name__")
        if module not in modules:
            continue
        path = next((one for one in _paths(frame, module) if one in known), None)
        if path is not None:
            return known[path], f"{frame.f_code.co_filename}, line {line}"
    return None


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """The frames of the traceback with their lines, the innermost first."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return reversed(found)


def _paths(frame: FrameType, module: str) -> Iterator[str]:
    """The import paths of what runs in a frame: the classes of its object, and the function."""
    for cls in type(frame.f_locals.get("self")).__mro__:
        yield f"{cls.__module__}:{cls.__qualname__}"
    yield f"{module}:{frame.f_code.co_name}"
