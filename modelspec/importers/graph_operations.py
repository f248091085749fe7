"""Nodes of a TensorFlow graph in models of tf.keras 1.13 to 2.3 (`TensorFlowOpLayer`), as
operations of Keras 3. A file contains the node's operation and attributes, and its constants by
position.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from .architecture import CallDef, LayerDef, Unreadable, has_sources
from .composed_operations import composed
from .operation_steps import FORMULA_HELP, Step, step

KIND = "TensorFlowOpLayer"
_LONGEST_TEXT = 10_000


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
    "Erfinv": _Operation("Erfinv"),
    "ReverseV2": _Operation("Flip", ("", "axis")),
    "Select": _Operation("Where", ("", "1", "2")),
    "SelectV2": _Operation("Where", ("", "1", "2")),
    "DepthToSpace": _Operation("DepthToSpace", ("",), {"block_size": "block_size"}),
    "SpaceToDepth": _Operation("SpaceToDepth", ("",), {"block_size": "block_size"}),
    "Acos": _Operation("Arccos"),
    "Acosh": _Operation("Arccosh"),
    "Asin": _Operation("Arcsin"),
    "Asinh": _Operation("Arcsinh"),
    "Atan": _Operation("Arctan"),
    "Atanh": _Operation("Arctanh"),
    "Atan2": _Operation("Arctan2", _PAIR),
    "IsInf": _Operation("Isinf"),
    "IsFinite": _Operation("Isfinite"),
    "Rint": _Operation("Round"),
    "LeakyRelu": _Operation("LeakyRelu", ("",), {"alpha": "negative_slope"}),
    "Roll": _Operation("Roll", ("", "shift", "axis")),
}
_POOL = {name: name for name in ("ksize", "strides", "padding", "data_format")}
_COMPOSED: Mapping[str, _Operation] = {
    **{
        name: _Operation(
            "MatmulOf",
            _PAIR,
            {
                "transpose_a": "transpose_a",
                "transpose_b": "transpose_b",
                "adj_x": "adjoint_a",
                "adj_y": "adjoint_b",
            },
        )
        for name in ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
    },
    **dict.fromkeys(
        ("Identity", "CheckNumerics", "EnsureShape", "PreventGradient"), _Operation("SameAs")
    ),
    "AvgPool": _Operation("AveragePool2", ("",), _POOL),
    "MaxPool": _Operation("MaxPool2", ("",), _POOL),
    "BroadcastTo": _Operation("BroadcastTo", ("", "shape")),
    "Cumprod": _Operation(
        "CumulativeProduct", ("", "axis"), {"exclusive": "exclusive", "reverse": "reverse"}
    ),
    "Cumsum": _Operation(
        "CumulativeSum", ("", "axis"), {"exclusive": "exclusive", "reverse": "reverse"}
    ),
    "Conv2D": _Operation(
        "ConvolveWith",
        _PAIR,
        {
            "strides": "strides",
            "padding": "padding",
            "data_format": "data_format",
            "dilations": "dilations",
        },
    ),
    "DivNoNan": _Operation("DivideNoNan", _PAIR),
    "AdjustContrastv2": _Operation("AdjustContrast", _PAIR),
    "Erfc": _Operation("Erfc"),
    "EuclideanNorm": _Operation("EuclideanNorm", ("", "axis"), {"keep_dims": "keepdims"}),
    "Fill": _Operation("FilledWith", _PAIR),
    "GatherV2": _Operation("GatherOf", ("", "1", "axis"), {"batch_dims": "batch_dims"}),
    "Inv": _Operation("Reciprocal"),
    "MatrixBandPart": _Operation("BandPart", ("", "1", "2")),
    "MirrorPad": _Operation("PadOf", ("", "paddings"), {"mode": "mode"}),
    "MulNoNan": _Operation("MultiplyNoNan", _PAIR),
    "OneHot": _Operation("OneHotValues", ("", "1", "2", "3"), {"axis": "axis"}),
    "Range": _Operation("ArangeOf", ("", "1", "2")),
    "Reciprocal": _Operation("Reciprocal"),
    "ResizeArea": _Operation("ResizeArea", _PAIR),
    "ResizeBicubic": _Operation(
        "ResizeBicubic1",
        _PAIR,
        {"align_corners": "align_corners", "half_pixel_centers": "half_pixel_centers"},
    ),
    "ResizeBilinear": _Operation(
        "ResizeBilinear1",
        _PAIR,
        {"align_corners": "align_corners", "half_pixel_centers": "half_pixel_centers"},
    ),
    "ResizeNearestNeighbor": _Operation(
        "ResizeNearest1",
        _PAIR,
        {"align_corners": "align_corners", "half_pixel_centers": "half_pixel_centers"},
    ),
    "Shape": _Operation("ShapeOf"),
    "Slice": _Operation("SliceOf", ("", "1", "2")),
    "Split": _Operation("SplitSizes", ("axis", ""), {"num_split": "num_or_size_splits"}),
    "SplitV": _Operation("SplitSizes", ("", "num_or_size_splits", "axis")),
    "SquaredDifference": _Operation("SquaredDifference", _PAIR),
    "StridedSlice": _Operation(
        "StridedSliceOf",
        ("", "begin", "end", "strides"),
        {
            f"{name}_mask": f"{name}_mask"
            for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
        },
    ),
    "Tile": _Operation("TileOf", ("", "multiples")),
    "TopKV2": _Operation("TopK", _PAIR),
    "Unpack": _Operation("Unstack", ("",), {"num": "num", "axis": "axis"}),
    "Xdivy": _Operation("Xdivy", _PAIR),
    "Xlog1py": _Operation("Xlog1py", _PAIR),
    "Xlogy": _Operation("Xlogy", _PAIR),
}
"""Nodes whose inputs and attributes are the arguments of a composed operation."""
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


def graph_step(layer: LayerDef, call: CallDef) -> Any:
    """The step of a node, or the tensor that it returns unchanged. Raises `Unreadable` for a node
    that no formula computes.
    """
    node = _node(layer.config.get("node_def"))
    name = str(node.get("op", ""))
    attributes = {key: _attribute(one) for key, one in _mapping(node.get("attr")).items()}
    inputs = inputs_of(layer, call)
    joined = _joined(name, inputs, attributes, layer.result)
    if joined is not None:
        return joined
    found = _COMPOSED.get(name) or _OPERATIONS.get(name)
    if found is None or not inputs:
        raise Unreadable(f"the TensorFlow operation `{name[:60]}` is not supported", FORMULA_HELP)
    arguments = dict(zip(found.inputs, inputs, strict=False))
    for attribute, parameter in found.attributes.items():
        value = attributes.get(attribute)
        if value not in (None, False, []):
            arguments[parameter] = value
    if name in _COMPOSED:
        return composed(found.kind, arguments, layer.result)
    return Step(found.kind, arguments)


def _joined(name: str, inputs: list[Any], attributes: Mapping[str, Any], result: int) -> Any:
    """The step of a node with any number of tensors; None for all others."""
    if name in ("ConcatV2", "Concat") and len(inputs) > 1:
        *tensors, axis = inputs if name == "ConcatV2" else (*inputs[1:], inputs[0])
        return step("Concatenate", tensors, axis=axis)
    if name == "Pack":
        return step("Stack", inputs, axis=attributes.get("axis"))
    if name == "Einsum":
        return composed("EinsumOf", _numbered([attributes.get("equation"), *inputs]))
    if name == "IdentityN":
        return inputs[result] if result < len(inputs) else None
    return composed("AddN", {"": inputs}) if name in ("AddN", "AccumulateNV2") else None


def _numbered(values: list[Any]) -> dict[str, Any]:
    return {str(place or ""): value for place, value in enumerate(values)}


def composed_kind(layer: LayerDef) -> str | None:
    """The composed operation of a node; None for all others."""
    name = operation_of(layer)
    found = _COMPOSED.get(name)
    return found.kind if found is not None else name or None


def operation_of(layer: LayerDef) -> str:
    """The name of a node's operation; empty if the node is not readable."""
    try:
        return str(_node(layer.config.get("node_def")).get("op", ""))
    except Unreadable:
        return ""


def _node(value: Any) -> Mapping[str, Any]:
    """The node as a mapping; some versions wrote it as JSON in a string."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, Mapping):
        raise Unreadable("its node of a TensorFlow graph is not readable", FORMULA_HELP)
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def inputs_of(layer: LayerDef, call: CallDef) -> list[Any]:
    """The inputs in their order: constants have their position, tensors fill the others."""
    constants = {
        int(key): _numbers(value)
        for key, value in _mapping(layer.config.get("constants")).items()
        if str(key).isdecimal() and len(str(key)) < 4
    }
    given = call.tensors.get("", [])
    tensors = given if isinstance(given, list) else [given]
    count = len(constants) + len(tensors)
    if any(position >= count for position in constants):
        raise Unreadable("its constants have other positions than its inputs", FORMULA_HELP)
    rest: Iterator[Any] = iter(tensors)
    return [constants[place] if place in constants else next(rest) for place in range(count)]


def with_inputs(layer: LayerDef, call: CallDef, inputs: list[Any]) -> tuple[LayerDef, CallDef]:
    """The same node with other inputs, of which some are constants."""
    tensors = [one for one in inputs if has_sources(one)]
    constants = {str(place): one for place, one in enumerate(inputs) if not has_sources(one)}
    first = tensors[0] if len(tensors) == 1 else tensors
    config = {**layer.config, "constants": constants}
    return replace(layer, config=config), replace(call, tensors={"": first} if tensors else {})


def _numbers(value: Any) -> Any:
    """A constant as a number or lists of numbers."""
    if isinstance(value, Mapping) and value.get("class_name") == "__numpy__":
        return _mapping(value.get("config")).get("value")
    return value


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
    if isinstance(value.get("s"), str):
        return _text(value["s"])
    found = value.get("f")
    return found if isinstance(found, (int, float)) else _whole(value.get("i"))


def _text(value: str) -> str | None:
    """A string, which protocol buffers write in base 64; None for a damaged one."""
    try:
        return base64.b64decode(value[:_LONGEST_TEXT], validate=True).decode("utf-8")
    except (ValueError, UnicodeDecodeError):
        return None


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    """An integer, which protocol buffers write as a string."""
    text = str(value)
    is_number = len(text) < 20 and text.removeprefix("-").isdecimal()
    return int(text) if is_number else None
