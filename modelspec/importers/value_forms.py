"""Converts the settings in Keras files to plain values: a serialized object becomes a name, or a
name with its settings. No class is imported and no code is called.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from modelspec.catalog.components import INITIALIZERS

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
        # How tf.keras computed, and what its layers were built with.
        "autocast",
        "experimental_autocast",
        "force_generator",
        "rng_type",
        "query_shape",
        "key_shape",
        "value_shape",
    }
)
"""Settings of a layer in a file that do not affect its result."""
AUTHORS = "__author's__"
"""In a configuration: the class of a function that does not belong to Keras."""
_POLICIES = ("DTypePolicy", "DTypePolicyMap")
_DEEPEST_CODE, _LONGEST_CODE = 6, 10**5
"""Within a `Lambda`: the depth and the total length of strings that are searched for names."""


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a layer as plain values, by their names in the file."""
    found = {key: plain(value) for key, value in config.items() if key not in OWN}
    if found.get("trainable") is True:
        del found["trainable"]
    if isinstance(found.get("dtype"), str):
        found["dtype"] = dtype_word(found["dtype"])
    if found.get("dtype") != "float64":
        found = {key: short_numbers(value) for key, value in found.items()}
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


def dtype_word(dtype: str) -> str:
    """A dtype under its current name: `float` is `float32`."""
    return _DTYPES.get(dtype, dtype)


_DTYPES = {"float": "float32", "double": "float64", "half": "float16", "int": "int32"}


def short_numbers(value: Any) -> Any:
    """The value with every float as the shortest one that is equal in float32."""
    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, list):
        return [short_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: short_numbers(one) for key, one in value.items()}
    return value


def shortest(value: float) -> float:
    """The number with the fewest digits that is the same in float32, if it is a float32: 0.001 for
    0.0010000000474974513.
    """
    if not _fits(value) or struct.unpack("f", struct.pack("f", value))[0] != value:
        return value
    return same_in_float32(value)


def same_in_float32(value: float) -> float:
    """The number with the fewest digits that is the same in float32: 0.003921569 for 1/255."""
    if not _fits(value):
        return value
    single = struct.pack("f", value)
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next((short for short in shorter if struct.pack("f", short) == single), value)


def _fits(value: float) -> bool:
    """Whether float32 has a number with as many digits."""
    return math.isfinite(value) and (value == 0 or 1e-37 < abs(value) < 1e38)


def module_of(entry: Mapping[str, Any]) -> str:
    """The module of a class, or its registered name if Keras 3 stores no module (a custom class);
    empty before Keras 3.
    """
    return str(entry.get("module") or entry.get("registered_name") or "")


def is_foreign(module: str | None) -> bool:
    """Whether a module belongs neither to Keras nor to modelspec."""
    return re.split(r"[.>]", module or "")[0] not in _OF_KERAS


_OF_KERAS = ("", "keras", "tf_keras", "tensorflow", "modelspec", "builtins")


def _object(kind: str, value: Mapping[str, Any]) -> Any:
    config = value.get("config")
    if kind in ("__lambda__", "Lambda"):
        raise Unreadable("it contains Python code, which is never run", formula_help(value))
    if kind == AUTHORS:
        raise Unreadable(
            f"it contains `{str(config)[:60]}`, a custom Python function", formula_help(value)
        )
    if kind.endswith(_POLICIES) and kind not in _READERS:
        raise Unreadable(
            f"its dtype policy is a `{kind}`, which a spec does not support",
            "set the policy of each layer"
            if kind == "DTypePolicyMap"
            else "import the model before it is quantized",
        )
    if is_foreign(module_of(value)):
        raise Unreadable(f"it contains `{_title(kind, config)}`, which is custom Python code")
    if kind in _READERS:
        return _READERS[kind](value, config)
    if isinstance(config, (dict, list)) and kind in MODELS:
        raise Unreadable(
            "it contains a model, but a wrapper in a spec contains a single layer",
            "wrap each layer of that model separately",
        )
    if not isinstance(config, dict):
        return kind
    own = settings(config)
    if kind in INITIALIZERS:
        own.pop("dtype", None)  # of the weight, which has that of its layer
        if kind == "VarianceScaling" and own.get("distribution") == "normal":
            own["distribution"] = "truncated_normal"  # another name of it in every version
    return {kind: own}


def _title(kind: str, config: Any) -> str:
    """The name of an object in a message; a function has its own name."""
    return (config if kind == "function" and isinstance(config, str) else kind)[:60]


def _policy(_: Mapping[str, Any], config: Any) -> Any:
    return config.get("name", "float32") if isinstance(config, dict) else "float32"


def _tuple(value: Mapping[str, Any], _: Any) -> Any:
    items = value.get("items")
    return [plain(item) for item in items] if isinstance(items, list) else None


def _function(_: Mapping[str, Any], config: Any) -> Any:
    name = config.get("name", "") if isinstance(config, dict) else str(config)
    return name.removeprefix(_OF_MODELSPEC) if isinstance(name, str) else ""


_OF_MODELSPEC = "modelspec>"
"""How Keras names the functions of modelspec."""


def _array(_: Mapping[str, Any], config: Any) -> Any:
    return plain(config.get("value") if isinstance(config, dict) else None)


_READERS: Mapping[str, Callable[[Mapping[str, Any], Any], Any]] = {
    **dict.fromkeys(("DTypePolicy", "FloatDTypePolicy", "Policy", "PolicyV1"), _policy),
    **dict.fromkeys(("__tuple__", "TensorShape"), _tuple),
    **dict.fromkeys(("function", "builtin_function_or_method"), _function),
    **dict.fromkeys(("__numpy__", "__tensor__"), _array),
}
"""The value of an object that is not a component, from its full entry in the file and its
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
    """The replacement for a `Lambda`: a formula, with the functions that its code names.

    The code is read as bytes, in which the names that a function uses are readable; it is not
    decoded.
    """
    names = sorted(_names_in(value))
    used = f" with {', '.join(f'`{name}`' for name in names)}" if names else ""
    return (
        f'replace it with a formula{used}: `- Expression: "..."` (`modelspec explain Expression`)'
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
