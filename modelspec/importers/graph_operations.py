"""Nodes of a TensorFlow graph in models of tf.keras 1.13 to 2.3 (`TensorFlowOpLayer`), as
operations of Keras 3. A file contains the node's operation and attributes, and its constants by
position.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .architecture import CallDef, LayerDef, Source, Unreadable

KIND = "TensorFlowOpLayer"
_FORMULA = "write it as a formula: `modelspec explain Expression`"


class _Operation(NamedTuple):
    """An operation of Keras 3: the names of its inputs in their order, and those of attributes."""

    kind: str
    inputs: tuple[str, ...] = ("",)
    attributes: Mapping[str, str] = {}


_PAIR = ("", "1")
_UNCHANGED = (
    *("Square", "Sqrt", "Rsqrt", "Exp", "Expm1", "Log", "Log1p", "Sign", "Floor", "Ceil", "Round"),
    *("Sin", "Cos", "Tan", "Sinh", "Cosh", "Tanh", "Sigmoid", "Softplus", "Softsign", "Relu"),
    *("Relu6", "Elu", "Selu", "Erf", "Softmax", "LogSoftmax", "LogicalNot", "ZerosLike"),
    "OnesLike",
)
"""Operations on one tensor whose names Keras has as well."""
_OPERATIONS: Mapping[str, _Operation] = {
    **{
        name: _Operation(kind, _PAIR)
        for name, kind in {
            "Add": "Add",
            "AddV2": "Add",
            "BiasAdd": "Add",
            "Sub": "Subtract",
            "Mul": "Multiply",
            "RealDiv": "Divide",
            "FloorDiv": "FloorDivide",
            "FloorMod": "Mod",
            "Pow": "Power",
            "Maximum": "Maximum",
            "Minimum": "Minimum",
            "Greater": "Greater",
            "GreaterEqual": "GreaterEqual",
            "Less": "Less",
            "LessEqual": "LessEqual",
            "Equal": "Equal",
            "NotEqual": "NotEqual",
            "LogicalAnd": "LogicalAnd",
            "LogicalOr": "LogicalOr",
            "MatMul": "Matmul",
            "BatchMatMul": "Matmul",
            "BatchMatMulV2": "Matmul",
        }.items()
    },
    **{
        name: _Operation(kind)
        for name, kind in {
            "Abs": "Absolute",
            **{name: name for name in _UNCHANGED},
            "Neg": "Negative",
            "IsNan": "Isnan",
            "StopGradient": "StopGradient",
        }.items()
    },
    **{
        name: _Operation(name, ("", "axis"), {"keep_dims": "keepdims"})
        for name in ("Mean", "Sum", "Max", "Min", "Prod", "All", "Any")
    },
    "ArgMax": _Operation("Argmax", ("", "axis")),
    "ArgMin": _Operation("Argmin", ("", "axis")),
    "Transpose": _Operation("Transpose", ("", "axes")),
    "Reshape": _Operation("Reshape", ("", "newshape")),
    "ExpandDims": _Operation("ExpandDims", ("", "axis")),
    "Squeeze": _Operation("Squeeze", ("",), {"squeeze_dims": "axis"}),
    "Cast": _Operation("Cast", ("",), {"DstT": "dtype"}),
    "ClipByValue": _Operation("Clip", ("", "x_min", "x_max")),
    "Pad": _Operation("Pad", ("", "pad_width")),
    "PadV2": _Operation("Pad", ("", "pad_width", "constant_values")),
    "GatherV2": _Operation("Gather", ("", "1", "axis")),
    "ReverseV2": _Operation("Flip", ("", "axis")),
    "Select": _Operation("Where", ("", "1", "2")),
    "SelectV2": _Operation("Where", ("", "1", "2")),
    "DepthToSpace": _Operation("DepthToSpace", ("",), {"block_size": "block_size"}),
    "SpaceToDepth": _Operation("SpaceToDepth", ("",), {"block_size": "block_size"}),
    "StridedSlice": _Operation("GetItem", ("", "begin", "end", "strides")),
    "Pack": _Operation("Stack", ("",), {"axis": "axis"}),
}
_TRANSPOSED = {"transpose_a": "", "adj_x": "", "transpose_b": "1", "adj_y": "1"}
_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_BFLOAT16": "bfloat16",
    "DT_DOUBLE": "float64",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_BOOL": "bool",
}


class GraphCall(NamedTuple):
    """An operation of Keras 3 and its arguments, by position or by name."""

    kind: str
    arguments: dict[str, Any]
    turned: frozenset[str]
    """The arguments whose last two axes are swapped."""


def graph_call(layer: LayerDef, call: CallDef) -> GraphCall:
    """The operation of a node. Raises `Unreadable` for one that no formula has."""
    node = _node(layer.config.get("node_def"))
    name = str(node.get("op", ""))
    attributes = {key: _attribute(one) for key, one in _mapping(node.get("attr")).items()}
    inputs = _inputs(layer, call)
    if name == "ConcatV2" and len(inputs) > 1 and not isinstance(inputs[-1], Source):
        arguments = {"": _tensors(inputs[:-1]), "axis": inputs[-1]}
        return GraphCall("Concatenate", arguments, frozenset())
    found = _OPERATIONS.get(name)
    if found is None or not inputs:
        raise Unreadable(f"the TensorFlow operation `{name[:60]}` is not supported", _FORMULA)
    if name == "Pack":
        inputs = [_tensors(inputs)]
    if len(inputs) > len(found.inputs):
        raise Unreadable(f"the TensorFlow operation `{name}` has too many inputs", _FORMULA)
    arguments = dict(zip(found.inputs, inputs, strict=False))
    for key, parameter in found.attributes.items():
        value = attributes.get(key)
        if value not in (None, False, []):
            arguments[parameter] = value
    if name == "StridedSlice":
        arguments = {"": inputs[0], "1": _index(arguments, attributes)}
    turned = {_TRANSPOSED[key] for key in _TRANSPOSED if attributes.get(key) is True}
    return GraphCall(found.kind, arguments, frozenset(turned))


def _node(value: Any) -> Mapping[str, Any]:
    """The node as a mapping; some versions wrote it as JSON in a string."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, Mapping):
        raise Unreadable("its node of a TensorFlow graph is not readable", _FORMULA)
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _inputs(layer: LayerDef, call: CallDef) -> list[Any]:
    """The inputs in their order: constants have their position, tensors fill the others."""
    constants = {
        int(key): value
        for key, value in _mapping(layer.config.get("constants")).items()
        if str(key).isdecimal() and len(str(key)) < 4
    }
    tensors = call.sources()
    count = len(constants) + len(tensors)
    if any(position >= count for position in constants):
        raise Unreadable("its constants have other positions than its inputs", _FORMULA)
    rest = iter(tensors)
    return [constants[place] if place in constants else next(rest) for place in range(count)]


def _tensors(inputs: Sequence[Any]) -> list[Any]:
    """Inputs that are all tensors."""
    if not all(isinstance(one, Source) for one in inputs):
        raise Unreadable("it joins tensors and constants", _FORMULA)
    return list(inputs)


def _attribute(value: Any) -> Any:
    """The value of an attribute, as protocol buffers write it in JSON; None for other kinds."""
    if not isinstance(value, Mapping):
        return None
    if "type" in value:
        return _DTYPES.get(str(value["type"]))
    if "b" in value:
        return value["b"] is True
    if "list" in value:
        return [_whole(one) for one in _items(_mapping(value["list"]).get("i"))]
    return _whole(value.get("i"))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    """An integer, which protocol buffers write as a string."""
    text = str(value)
    is_number = len(text) < 20 and text.removeprefix("-").isdecimal()
    return int(text) if is_number else None


# Slices -------------------------------------------------------------------------------------------


def _index(arguments: Mapping[str, Any], attributes: Mapping[str, Any]) -> list[Any]:
    """The parts of `x[...]` for a `StridedSlice`; bit `i` of each mask is about part `i`."""
    begin, end, strides = (_numbers(arguments.get(key)) for key in ("begin", "end", "strides"))
    if not len(begin) == len(end) == len(strides):
        raise Unreadable("its slice has lists of different lengths", _FORMULA)

    def has(mask: str, place: int) -> bool:
        return bool((attributes.get(mask) or 0) >> place & 1)

    parts: list[Any] = []
    for place, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        if has("ellipsis_mask", place):
            parts.append({"class_name": "__ellipsis__"})
        elif has("new_axis_mask", place):
            parts.append(None)
        elif has("shrink_axis_mask", place):
            parts.append(first)
        else:
            start = None if has("begin_mask", place) else first
            stop = None if has("end_mask", place) else last
            parts.append({"start": start, "stop": stop, "step": None if step == 1 else step})
    return parts


def _numbers(value: Any) -> list[int]:
    found = [_whole(one) for one in value] if isinstance(value, list) else [None]
    if any(one is None for one in found):
        raise Unreadable("its slice depends on a tensor", _FORMULA)
    return [one for one in found if one is not None]
