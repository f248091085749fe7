"""Models inside wrappers, `TimeDistributed(Model)`, in Keras configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelspec.compiler.spec.wrapped_models import HELD, is_model_wrapper

from .architecture import MODELS

_DEEPEST = 8
"""Maximum number of nested wrappers."""


def held_model(entry: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The configuration of the model inside a layer's wrappers, and the kinds of the wrappers; the
    layer itself and none if it does not wrap a model, or has its own compute dtype.
    """
    found: Any = entry
    around: list[str] = []
    while len(around) < _DEEPEST and isinstance(found, Mapping):
        kind, config = found.get("class_name"), found.get("config")
        if around and kind in MODELS:
            return found, tuple(around)
        if not isinstance(kind, str) or not isinstance(config, Mapping):
            break
        if not is_model_wrapper(kind) or not _is_usual(config.get("dtype")):
            break
        around.append(kind)
        found = config.get(HELD)
    return entry, ()


def _is_usual(dtype: Any) -> bool:
    """Whether a wrapper has the default compute dtype."""
    if isinstance(dtype, Mapping):
        dtype = (dtype.get("config") or {}).get("name")
    return dtype in (None, "float32")


def wrapped_name(kinds: Sequence[str], shared: str) -> Any:
    """A shared name inside wrappers, as a spec writes it."""
    found: Any = shared
    for kind in reversed(kinds):
        found = {kind: {HELD: found}}
    return found
