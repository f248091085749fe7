"""Keras's operations on tensors in a functional model (`x + 1` on its symbolic tensors), as formulas.

Only those of the language's `Expression` can be said; each is written as its function or its sign.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..catalogue import snake_case
from ..formula.functions import FUNCTIONS
from .architecture import CallDef, LayerDef, Source, Unreadable
from .values import plain

_SIGNS = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "TrueDivide": "/", "FloorDivide": "//", "Mod": "%",
    "Power": "**", "Matmul": "@", "Greater": ">", "GreaterEqual": ">=", "Less": "<", "LessEqual": "<=", "Equal": "==",
    "NotEqual": "!=",
}  # fmt: skip
_NAMES = {"Absolute": "abs", "Amax": "max", "Amin": "min", "Clip": "clip"}


_OWN = ("name", "dtype", "trainable")


class _Operations:
    """Whether a class name is an operation that can be said."""

    def __contains__(self, kind: object) -> bool:
        return isinstance(kind, str) and (kind in _SIGNS or kind == "GetItem" or _function(kind) in FUNCTIONS)


OPERATIONS = _Operations()


def _function(kind: str) -> str:
    return _NAMES.get(kind, snake_case(kind))


def formula_entry(layer: LayerDef, call: CallDef) -> tuple[str, dict[str, Source]]:
    """The formula of a call, and which tensor each of its names is. Raises `Unreadable`."""
    sources: dict[str, Source] = {}

    def name_of(source: Source) -> str:
        name = next((known for known, one in sources.items() if one == source), "")
        if not name:
            name = "xyzabcdefgh"[len(sources)] if len(sources) < 11 else f"x{len(sources)}"
            sources[name] = source
        return name

    arguments: dict[str, str] = {}
    for key, item in call.tensors.items():
        arguments[key] = name_of(item) if isinstance(item, Source) else f"[{', '.join(map(name_of, item))}]"
    for key, value in call.options.items():
        arguments[key] = _literal(value)
    places = sorted((key for key in arguments if not key or key.isdigit()), key=lambda key: int(key or 0))
    positional = [arguments[key] for key in places]
    named = {key: text for key, text in arguments.items() if key and not key.isdigit()}
    settings = {key: _literal(value) for key, value in layer.config.items() if key not in _OWN}
    if layer.kind in _SIGNS and len(positional) == 2:
        return f"{positional[0]} {_SIGNS[layer.kind]} {positional[1]}", sources
    if layer.kind == "GetItem" and len(positional) == 2:
        return f"{positional[0]}[{_index(call)}]", sources
    rest = [f"{key}={text}" for key, text in {**named, **settings}.items() if text != "None"]
    return f"{_function(layer.kind)}({', '.join([*positional, *rest])})", sources


def _literal(value: Any) -> str:
    value = plain(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise Unreadable("it takes a value that a formula cannot say")


def _index(call: CallDef) -> str:
    value = call.options.get("1", call.options.get("key"))
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
        parts = value["items"]
    return ", ".join(_part(part) for part in parts)


def _part(part: Any) -> str:
    if isinstance(part, int) and not isinstance(part, bool):
        return str(part)
    if part is None:
        return "None"
    kind = part.get("class_name") if isinstance(part, Mapping) else None
    config = part.get("config") if isinstance(part, Mapping) else None
    if kind == "__ellipsis__":
        return "..."
    if kind in ("slice", "__slice__") and isinstance(config, Mapping):
        start, stop, step = (config.get(key) for key in ("start", "stop", "step"))
        text = f"{'' if start is None else start}:{'' if stop is None else stop}"
        return text if step in (None, 1) else f"{text}:{step}"
    raise Unreadable("it takes a part of a tensor that a formula cannot say")
