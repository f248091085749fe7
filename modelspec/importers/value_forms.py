"""Settings as Keras's files have them to plain values: what stands for an object becomes a name, or
a name with its settings. No class is looked up and nothing is called.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
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
"""What stands among a layer's settings in a file, and says nothing of what it computes."""

_FUNCTIONS = ("function", "builtin_function_or_method")


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
    if kind in ("DTypePolicy", "Policy", "PolicyV1"):
        return config.get("name", "float32") if isinstance(config, dict) else "float32"
    if kind == "__tuple__" or kind == "TensorShape":
        items = value.get("items")
        return [plain(item) for item in items] if isinstance(items, list) else None
    if kind in ("__lambda__", "Lambda"):
        raise Unreadable("it holds Python code, which is never run", formula_help(value))
    if kind in _FUNCTIONS:
        return config.get("name", "") if isinstance(config, dict) else str(config)
    if kind == "__numpy__" or kind == "__tensor__":
        return plain(config.get("value") if isinstance(config, dict) else None)
    if isinstance(config, (dict, list)) and kind in MODELS:
        raise Unreadable(
            "it holds a model, and a layer of a spec holds one layer",
            "wrap the layers of that model one by one",
        )
    if not isinstance(config, dict):
        return kind
    return {kind: settings(config)}


_WORDS = (
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
    if isinstance(value, dict) and depth < 6:
        return {name for item in value.values() for name in _names_in(item, depth + 1)}
    if isinstance(value, list) and depth < 6:
        return {name for item in value[:8] for name in _names_in(item, depth + 1)}
    if not isinstance(value, str) or len(value) > 10**5:
        return set()
    try:
        code = base64.b64decode(value, validate=False)
    except (binascii.Error, ValueError):
        return set()
    return {
        word for word in re.findall(r"[a-z_][a-z0-9_]+", code.decode("latin-1")) if word in _WORDS
    }
