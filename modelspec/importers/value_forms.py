"""Settings as Keras's files have them to plain values: a serialized object becomes a name, or a
name with its settings. No class is looked up and nothing is called.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

from .architecture import MODELS, Unreadable

OWN = frozenset(
    {
        "name",
        "batch_input_shape",
        "batch_shape",
        "input_dtype",
        "input_shape",
        "build_config",
        "build_input_shape",
        "registered_name",
        "shared_object_id",
    }
)
"""What a file has among a layer's settings that says nothing of what it computes."""
_DEEPEST_CODE, _LONGEST_CODE = 6, 10**5
"""Within a `Lambda`: how deep, and up to how many characters, texts are searched for names."""


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's settings as plain values, by the names that its file has."""
    found = {key: plain(value) for key, value in config.items() if key not in OWN}
    if found.get("trainable") is True:
        del found["trainable"]
    return {key: value for key, value in found.items() if value is not None}


def plain(value: Any) -> Any:
    """A value of a setting. Raises `Unreadable` for Python code."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {str(key): plain(item) for key, item in value.items()}
    return _object(str(value["class_name"]), value)


def _object(kind: str, value: Mapping[str, Any]) -> Any:
    config = value.get("config")
    if kind in ("__lambda__", "Lambda"):
        raise Unreadable("it holds Python code, which is never run", formula_help(value))
    if kind in _READERS:
        return _READERS[kind](value, config)
    if isinstance(config, (dict, list)) and kind in MODELS:
        raise Unreadable(
            "it holds a model, and a layer of a spec holds one layer",
            "wrap the layers of that model one by one",
        )
    return {kind: settings(config)} if isinstance(config, dict) else kind


def _policy(_: Mapping[str, Any], config: Any) -> Any:
    return config.get("name", "float32") if isinstance(config, dict) else "float32"


def _tuple(value: Mapping[str, Any], _: Any) -> Any:
    items = value.get("items")
    return [plain(item) for item in items] if isinstance(items, list) else None


def _function(_: Mapping[str, Any], config: Any) -> Any:
    return config.get("name", "") if isinstance(config, dict) else str(config)


def _array(_: Mapping[str, Any], config: Any) -> Any:
    return plain(config.get("value") if isinstance(config, dict) else None)


_READERS: Mapping[str, Callable[[Mapping[str, Any], Any], Any]] = {
    **dict.fromkeys(("DTypePolicy", "Policy", "PolicyV1"), _policy),
    **dict.fromkeys(("__tuple__", "TensorShape"), _tuple),
    **dict.fromkeys(("function", "builtin_function_or_method"), _function),
    **dict.fromkeys(("__numpy__", "__tensor__"), _array),
}
"""The value of an object that is no component, from all that its file has of it, and its
`config`.
"""


_FUNCTION_NAMES = frozenset(
    {
        "abs",
        "square",
        "sqrt",
        "exp",
        "log",
        "log1p",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "softmax",
        "relu",
        "gelu",
        "softplus",
        "maximum",
        "minimum",
        "clip",
        "cast",
        "sum",
        "mean",
        "max",
        "min",
        "prod",
        "argmax",
        "std",
        "var",
        "normalize",
        "l2_normalize",
        "reshape",
        "transpose",
        "expand_dims",
        "squeeze",
        "concatenate",
        "stack",
        "repeat",
        "flip",
        "one_hot",
        "matmul",
        "dot",
        "reverse",
        "subtract",
        "multiply",
        "add",
        "divide",
    }
)


def formula_help(value: Any) -> str:
    """What to write in place of a `Lambda`: a formula, with the functions that its code names.

    The code is read as bytes, in which Python keeps the names that a function uses as they are; it
    is not decoded.
    """
    names = sorted(_names_in(value))
    said = f" with {', '.join(f'`{name}`' for name in names)}" if names else ""
    return (
        f'write what it computes{said} as a formula: `- Expression: "..."` (`modelspec explain'
        " Expression`)"
    )


def _names_in(value: Any, depth: int = 0) -> set[str]:
    if isinstance(value, str):
        return _names_in_code(value) if len(value) <= _LONGEST_CODE else set()
    if depth >= _DEEPEST_CODE or not isinstance(value, (dict, list)):
        return set()
    items = list(value.values()) if isinstance(value, dict) else value[:8]
    return {name for item in items for name in _names_in(item, depth + 1)}


def _names_in_code(text: str) -> set[str]:
    try:
        code = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return set()
    return set(re.findall(r"[a-z_][a-z0-9_]+", code.decode("latin-1"))) & _FUNCTION_NAMES
