"""TensorFlow functions in models of tf.keras 2 (`TFOpLambda`, `SlicingOpLambda`), mapped to the
names of Keras 3.

A file contains the path of the function in TensorFlow (`math.reduce_mean`) and the TensorFlow names
of its arguments. The path is only looked up in the table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import graph_operations
from .architecture import CallDef, LayerDef, Source, Unreadable

_KINDS = ("TFOpLambda", "SlicingOpLambda", graph_operations.KIND)

_PAIR = {"y": "1", "x2": "1", "b": "1"}
_REDUCED = {"axis": "axis", "keepdims": "keepdims"}
_FUNCTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    **{
        f"math.{name}": (kind, _PAIR)
        for name, kind in {
            "add": "Add",
            "subtract": "Subtract",
            "multiply": "Multiply",
            "truediv": "Divide",
            "divide": "Divide",
            "floordiv": "FloorDivide",
            "floormod": "Mod",
            "pow": "Power",
            "maximum": "Maximum",
            "minimum": "Minimum",
            "greater": "Greater",
            "greater_equal": "GreaterEqual",
            "less": "Less",
            "less_equal": "LessEqual",
            "equal": "Equal",
            "not_equal": "NotEqual",
            "logical_and": "LogicalAnd",
            "logical_or": "LogicalOr",
        }.items()
    },
    **{
        f"math.{name}": (kind, {})
        for name, kind in {
            "abs": "Absolute",
            "square": "Square",
            "sqrt": "Sqrt",
            "rsqrt": "Rsqrt",
            "exp": "Exp",
            "expm1": "Expm1",
            "log": "Log",
            "log1p": "Log1p",
            "sign": "Sign",
            "floor": "Floor",
            "ceil": "Ceil",
            "round": "Round",
            "sin": "Sin",
            "cos": "Cos",
            "tan": "Tan",
            "tanh": "Tanh",
            "sigmoid": "Sigmoid",
            "softplus": "Softplus",
            "negative": "Negative",
            "erf": "Erf",
            "logical_not": "LogicalNot",
            "is_nan": "Isnan",
        }.items()
    },
    **{
        f"math.reduce_{name}": (kind, _REDUCED)
        for name, kind in {
            "sum": "Sum",
            "mean": "Mean",
            "max": "Max",
            "min": "Min",
            "prod": "Prod",
            "any": "Any",
            "all": "All",
            "variance": "Var",
            "std": "Std",
            "logsumexp": "Logsumexp",
        }.items()
    },
    **{
        f"nn.{name}": (kind, {})
        for name, kind in {
            "relu": "Relu",
            "relu6": "Relu6",
            "sigmoid": "Sigmoid",
            "tanh": "Tanh",
            "softplus": "Softplus",
            "softsign": "Softsign",
            "selu": "Selu",
            "elu": "Elu",
            "silu": "Silu",
            "swish": "Silu",
        }.items()
    },
    "nn.gelu": ("Gelu", {"approximate": "approximate"}),
    "nn.softmax": ("Softmax", {"axis": "axis"}),
    "math.softmax": ("Softmax", {"axis": "axis"}),
    "nn.leaky_relu": ("LeakyRelu", {"alpha": "negative_slope"}),
    "math.argmax": ("Argmax", {"axis": "axis"}),
    "math.argmin": ("Argmin", {"axis": "axis"}),
    "math.cumsum": ("Cumsum", {"axis": "axis"}),
    "nn.log_softmax": ("LogSoftmax", {"axis": "axis"}),
    "math.log_softmax": ("LogSoftmax", {"axis": "axis"}),
    "math.log_sigmoid": ("LogSigmoid", {}),
    "reverse": ("Flip", {"axis": "axis"}),
    "gather": ("Gather", {"indices": "1", "axis": "axis"}),
    "nn.depth_to_space": ("DepthToSpace", {"block_size": "block_size"}),
    "nn.space_to_depth": ("SpaceToDepth", {"block_size": "block_size"}),
    "image.resize": ("Resize", {"size": "size", "method": "interpolation"}),
    "pad": ("Pad", {"paddings": "pad_width", "mode": "mode"}),
    "cast": ("Cast", {"dtype": "dtype"}),
    "reshape": ("Reshape", {"shape": "newshape"}),
    "expand_dims": ("ExpandDims", {"axis": "axis"}),
    "squeeze": ("Squeeze", {"axis": "axis"}),
    "concat": ("Concatenate", {"axis": "axis"}),
    "stack": ("Stack", {"axis": "axis"}),
    "transpose": ("Transpose", {"perm": "axes"}),
    "compat.v1.transpose": ("Transpose", {"perm": "axes"}),
    "linalg.matmul": ("Matmul", {"b": "1"}),
    "clip_by_value": ("Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "one_hot": ("OneHot", {"depth": "num_classes"}),
    "zeros_like": ("ZerosLike", {}),
    "ones_like": ("OnesLike", {}),
    "repeat": ("Repeat", {"repeats": "repeats", "axis": "axis"}),
    "where": ("Where", {"x": "1", "y": "2"}),
    "__operators__.add": ("Add", _PAIR),
    "__operators__.getitem": ("GetItem", {"slice_spec": "1"}),
}
_ALIASES = {
    name: f"math.{name}"
    for name in ("abs", "square", "sqrt", "exp", "sign", "round", "tanh", "sigmoid")
}


_TENSORFLOW_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "nn.gelu": {"approximate": False},
    "math.argmax": {"axis": 0},
    "math.argmin": {"axis": 0},
    "math.cumsum": {"axis": 0},
}
"""Defaults of TensorFlow that are not those of the Keras operation."""
_TRANSPOSED = {"transpose_a": "", "transpose_b": "1"}


@dataclass(frozen=True)
class Turned:
    """An argument with its last two axes swapped."""

    value: Any


def is_tensorflow(layer: LayerDef) -> bool:
    """Whether a layer of a file is a call of a function of TensorFlow."""
    return layer.kind in _KINDS


def arguments_of(layer: LayerDef, call: CallDef) -> tuple[str, dict[str, Any]]:
    """The operation of Keras 3 and its arguments, by position or by name. Raises `Unreadable`."""
    if layer.kind == graph_operations.KIND:
        kind, arguments, turned = graph_operations.graph_call(layer, call)
        return kind, {key: Turned(one) if key in turned else one for key, one in arguments.items()}
    path = str(layer.config.get("function", ""))
    found = _FUNCTIONS.get(_ALIASES.get(path, path))
    if found is None:
        raise Unreadable(
            f"the TensorFlow function `{path[:60]}` is not supported",
            "write it as a formula: `modelspec explain Expression`",
        )
    kind, names = found
    transposed: set[str] = set()
    arguments = dict(_TENSORFLOW_DEFAULTS.get(_ALIASES.get(path, path), {}))
    for key, value in {**call.tensors, **call.options}.items():
        if key == "name" or (value is None and key != "1") or value is False:
            continue
        if key in _TRANSPOSED and value is True and path == "linalg.matmul":
            transposed.add(_TRANSPOSED[key])
            continue
        if key == "mode" and isinstance(value, str):
            value = value.lower()
        if value != 0 and not _is_known(key, names):  # 0: an option that is off
            raise Unreadable(
                f"the argument `{key[:40]}` of the TensorFlow function `{path}` is not supported"
            )
        is_list = isinstance(value, tuple) and not isinstance(value, Source)
        arguments[names.get(key, key)] = list(value) if is_list else value
    for key in transposed & set(arguments):
        arguments[key] = Turned(arguments[key])
    return kind, arguments


def _is_known(key: str, names: Mapping[str, str]) -> bool:
    """Whether a function has an argument: the first, the second, or one in its table."""
    return key in ("", "1") or key in names.values() or names.get(key, key) != key
