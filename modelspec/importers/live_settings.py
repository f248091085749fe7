"""Adds settings of a live model that its own configuration lacks.

`get_config` of Keras does not contain a learned vocabulary, a setting that is stored under another
name (`Huber.delta`), or more than the name of a Python function.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

from .value_forms import AUTHORS, is_foreign

_DEEPEST = 60
_BY_NAME = ("name", "weights", "dtype")
"""Parameters of constructors that are read differently, or contain arrays."""
_PLAIN = (bool, int, float, str)


def completed(value: Any, live: Any, depth: int = 0) -> Any:
    """A configuration with the missing settings of its object. The object is not changed."""
    if depth > _DEEPEST:
        return value
    if isinstance(live, (FunctionType, BuiltinFunctionType)):
        return value if is_of_keras(live) else {"class_name": AUTHORS, "config": _named(live)}
    if isinstance(value, list):
        return [completed(*pair, depth + 1) for pair in _paired(value, live)]
    if not isinstance(value, dict):
        return value
    if not isinstance(value.get("config"), dict) or "class_name" not in value:
        inside = live if isinstance(live, Mapping) else {}
        return {key: completed(one, inside.get(key), depth + 1) for key, one in value.items()}
    config = {
        key: completed(one, _attribute(live, key), depth + 1)
        for key, one in value["config"].items()
        if key != "layers"
    }
    if isinstance(layers := value["config"].get("layers"), list):
        config["layers"] = _layers(layers, live, depth)
    missing = dict(_missing(live, config)) if live is not None else {}
    return {**value, "config": {**config, **missing}}


def _paired(value: list[Any], live: Any) -> Iterator[tuple[Any, Any]]:
    """The items of a list, each with its object if the numbers match."""
    same = isinstance(live, (list, tuple)) and len(live) == len(value)
    return zip(value, live if same else [None] * len(value), strict=True)


def _layers(items: list[Any], live: Any, depth: int) -> list[Any]:
    """The layers of a model, each with the live layer of the same name."""
    found = getattr(live, "operations", None) or getattr(live, "layers", None) or ()
    by_name = {one.name: one for one in found}

    def name_of(item: Any) -> Any:
        config = item.get("config") if isinstance(item, dict) else None
        return config.get("name") if isinstance(config, dict) else None

    return [completed(item, by_name.get(name_of(item)), depth + 1) for item in items]


def _attribute(live: Any, key: str) -> Any:
    """The attribute for a setting; None if the object has no attribute of this name."""
    if isinstance(live, Mapping):
        return live.get(key)
    try:
        return getattr(live, key, getattr(live, f"_{key}", None))
    except Exception:  # noqa: BLE001  # a custom property may raise anything
        return None


def is_of_keras(function: Any) -> bool:
    """Whether a function belongs to Keras: by the module that defines it, not by its name."""
    return not is_foreign(getattr(function, "__module__", None))


def _named(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _missing(live: Any, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings of the object that its configuration lacks and that are not the default."""
    if is_foreign(type(live).__module__):
        return
    given = getattr(live, "_fn_kwargs", None) or {}
    for name, default in _parameters(type(live)):
        if name in _BY_NAME or name in config:
            continue
        value = given.get(name, _attribute(live, name))
        if isinstance(value, _PLAIN) and value != default:
            yield name, value
    yield from _learned(live, config)
    dtype = getattr(live, "dtype", None)
    if "reduction" in config and "dtype" not in config and dtype not in (None, "float32"):
        yield "dtype", str(dtype)  # of a loss: no loss includes it in its configuration


def _parameters(kind: type) -> Iterator[tuple[str, Any]]:
    try:
        signature = inspect.signature(kind)
    except (TypeError, ValueError):
        return
    for one in signature.parameters.values():
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            yield one.name, one.default


def _learned(live: Any, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The vocabulary that a lookup learned in `adapt`, with the weights of its words."""
    if "vocabulary" not in config or config["vocabulary"] is not None:
        return
    table = getattr(live, "_lookup_layer", live)  # a `TextVectorization` contains its lookup
    if not callable(getattr(table, "get_vocabulary", None)) or not table.vocabulary_size():
        return
    words = [_plain(one) for one in table.get_vocabulary(include_special_tokens=False)]
    if not words:
        return
    yield "vocabulary", words
    if config.get("output_mode") != "tf_idf":
        return
    weights = getattr(table, "idf_weights", None)
    if weights is not None:
        yield "idf_weights", [float(one) for one in weights][-len(words) :]


def _plain(word: Any) -> Any:
    if isinstance(word, bytes):
        return word.decode("utf-8", "replace")
    return word.item() if hasattr(word, "item") else word


def jit_of(model: Any) -> bool | None:
    """Whether XLA compiles the steps of a model; None if that is the result of `auto`."""
    chosen = getattr(model, "jit_compile", None)
    if not isinstance(chosen, bool):
        return None
    tf = sys.modules.get("tensorflow")
    has_accelerator = bool(tf is not None and tf.config.list_physical_devices("GPU"))
    return None if chosen is has_accelerator else chosen
