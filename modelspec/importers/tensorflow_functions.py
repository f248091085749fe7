"""TensorFlow functions in models of tf.keras 2 (`TFOpLambda`, `SlicingOpLambda`), mapped to the
names of Keras 3.

A file contains the path of the function in TensorFlow (`math.reduce_mean`) and the TensorFlow names
of its arguments. The path is only looked up in the table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import graph_operations
from .architecture import CallDef, LayerDef, Unreadable
from .composed_operations import composed
from .operation_steps import FORMULA_HELP, Step, is_tensor

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
            "logical_xor": "LogicalXor",
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
            "erfinv": "Erfinv",
            "logical_not": "LogicalNot",
            "is_nan": "Isnan",
            "is_inf": "Isinf",
            "is_finite": "Isfinite",
            "sinh": "Sinh",
            "cosh": "Cosh",
            "asin": "Arcsin",
            "acos": "Arccos",
            "atan": "Arctan",
            "asinh": "Arcsinh",
            "acosh": "Arccosh",
            "atanh": "Arctanh",
            "rint": "Round",
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
        }.items()
    },
    "nn.gelu": ("Gelu", {"approximate": "approximate"}),
    "nn.softmax": ("Softmax", {"axis": "axis"}),
    "math.softmax": ("Softmax", {"axis": "axis"}),
    "nn.leaky_relu": ("LeakyRelu", {"alpha": "negative_slope"}),
    "math.argmax": ("Argmax", {"axis": "axis"}),
    "math.argmin": ("Argmin", {"axis": "axis"}),
    "nn.log_softmax": ("LogSoftmax", {"axis": "axis"}),
    "math.log_softmax": ("LogSoftmax", {"axis": "axis"}),
    "math.log_sigmoid": ("LogSigmoid", {}),
    "reverse": ("Flip", {"axis": "axis"}),
    "nn.depth_to_space": ("DepthToSpace", {"block_size": "block_size"}),
    "nn.space_to_depth": ("SpaceToDepth", {"block_size": "block_size"}),
    "cast": ("Cast", {"dtype": "dtype"}),
    "reshape": ("Reshape", {"shape": "newshape"}),
    "expand_dims": ("ExpandDims", {"axis": "axis"}),
    "squeeze": ("Squeeze", {"axis": "axis"}),
    "concat": ("Concatenate", {"axis": "axis"}),
    "stack": ("Stack", {"axis": "axis"}),
    "transpose": ("Transpose", {"perm": "axes"}),
    "clip_by_value": ("Clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "zeros_like": ("ZerosLike", {}),
    "ones_like": ("OnesLike", {}),
    "repeat": ("Repeat", {"repeats": "repeats", "axis": "axis"}),
    "where": ("Where", {"x": "1", "y": "2"}),
    "math.atan2": ("Arctan2", {"x": "1"}),
    "roll": ("Roll", {"shift": "shift", "axis": "axis"}),
    "stop_gradient": ("StopGradient", {}),
    "nn.bias_add": ("Add", {"bias": "1"}),
    "image.ssim": (
        "Ssim",
        {"img2": "1", **{name: name for name in ("max_val", "filter_size", "filter_sigma")}},
    ),
    "__operators__.add": ("Add", _PAIR),
    "__operators__.eq": ("Equal", {"other": "1", **_PAIR}),
    "__operators__.ne": ("NotEqual", {"other": "1", **_PAIR}),
    "__operators__.getitem": ("GetItem", {"slice_spec": "1"}),
}
_COMPOSED: Mapping[str, str] = {
    "argsort": "ArgsortInOrder",
    "broadcast_to": "BroadcastTo",
    "clip_by_norm": "ClipByNorm",
    "convert_to_tensor": "ConvertToTensor",
    "debugging.check_numerics": "SameAs",
    "dtypes.saturate_cast": "SaturateCast",
    "einsum": "EinsumOf",
    "ensure_shape": "SameAs",
    "gather": "GatherOf",
    "identity": "SameAs",
    "image.adjust_brightness": "AdjustBrightness",
    "image.adjust_contrast": "AdjustContrast",
    "image.crop_to_bounding_box": "Crop",
    "image.flip_left_right": "FlipLeftRight",
    "image.flip_up_down": "FlipUpDown",
    "image.grayscale_to_rgb": "RGBFromGrayscale",
    "image.resize": "ResizeOf",
    "image.resize_bilinear": "ResizeBilinear1",
    "image.resize_nearest_neighbor": "ResizeNearest1",
    "image.rgb_to_grayscale": "RGBToGrayscale",
    "linalg.band_part": "BandPart",
    "linalg.matmul": "MatmulOf",
    "linalg.matrix_transpose": "MatrixTranspose",
    "linalg.normalize": "LengthNormalized",
    "linspace": "Linspace",
    "math.accumulate_n": "AddN",
    "math.add_n": "AddN",
    "math.count_nonzero": "CountNonzero",
    "math.cumprod": "CumulativeProduct",
    "math.cumsum": "CumulativeSum",
    "math.divide_no_nan": "DivideNoNan",
    "math.erfc": "Erfc",
    "math.l2_normalize": "L2Normalize",
    "math.multiply_no_nan": "MultiplyNoNan",
    "math.reciprocal": "Reciprocal",
    "math.reduce_euclidean_norm": "EuclideanNorm",
    "math.squared_difference": "SquaredDifference",
    "math.top_k": "TopK",
    "math.xdivy": "Xdivy",
    "math.xlog1py": "Xlog1py",
    "math.xlogy": "Xlogy",
    "keras.backend.batch_flatten": "BatchFlatten",
    "nn.avg_pool": "AveragePool2",
    "nn.avg_pool2d": "AveragePool2",
    "nn.batch_normalization": "BatchNormalization",
    "nn.max_pool": "MaxPool2",
    "nn.max_pool1d": "MaxPool1",
    "nn.max_pool2d": "MaxPool2",
    "nn.pool": "PoolOf",
    "nn.conv1d": "ConvolveWith",
    "nn.conv2d": "ConvolveWith",
    "nn.crelu": "Crelu",
    "nn.dropout": "DropoutAlways",
    "nn.embedding_lookup": "EmbeddingLookup",
    "nn.silu": "SiluBeta",
    "norm": "Norm",
    "one_hot": "OneHotValues",
    "ones": "OnesOf",
    "pad": "PadOf",
    "range": "ArangeOf",
    "sequence_mask": "SequenceMask",
    "shape": "ShapeOf",
    "keras.backend.shape": "ShapeOf",
    "slice": "SliceOf",
    "sort": "SortInOrder",
    "split": "SplitSizes",
    "strided_slice": "StridedSliceOf",
    "tensordot": "Tensordot",
    "tile": "TileOf",
    "to_float": "ToFloat",
    "unstack": "Unstack",
    "zeros": "ZerosOf",
}
"""Functions whose arguments are those of a composed operation."""
_OF_MATH = (
    *("abs", "add_n", "cumsum", "exp", "floor_div", "multiply", "round", "sigmoid", "sign", "sqrt"),
    *("square", "subtract", "tanh", "argmax", "argmin", "maximum", "minimum", "reduce_all"),
    *("reduce_any", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum"),
)
_ALIASES: Mapping[str, str] = {
    **{name: f"math.{name}" for name in _OF_MATH},
    "math.floor_div": "math.floordiv",
    "math.swish": "nn.silu",
    "nn.swish": "nn.silu",
    "nn.l2_normalize": "math.l2_normalize",
    "math.l2norm": "norm",
    "linalg.norm": "norm",
    "nn.top_k": "math.top_k",
    "linalg.l2_normalize": "math.l2_normalize",
    "linalg.einsum": "einsum",
    "linalg.tensordot": "tensordot",
    "matmul": "linalg.matmul",
    "nn.log_sigmoid": "math.log_sigmoid",
    "nn.depth_to_space": "nn.depth_to_space",
    "depth_to_space": "nn.depth_to_space",
    "space_to_depth": "nn.space_to_depth",
    "image.resize_images": "image.resize",
    "debugging.assert_all_finite": "debugging.check_numerics",
}
"""Other names of the functions in the tables."""
_OLD = "compat.v1."
"""What precedes the names of functions that TensorFlow 2 has changed."""

_TENSORFLOW_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "nn.gelu": {"approximate": False},
    "math.argmax": {"axis": 0},
    "math.argmin": {"axis": 0},
}
"""Defaults of TensorFlow that are not those of the Keras operation."""
_OF_LISTS = ("Concatenate", "Stack")
_OUTPUT_TYPE = ("output_type", "out_type", "dimension")


def is_tensorflow(layer: LayerDef) -> bool:
    """Whether a layer of a file is a call of a function of TensorFlow."""
    return layer.kind in _KINDS


def function_of(layer: LayerDef) -> str:
    """The name of the function that a layer calls, as the tables have it."""
    path = str(layer.config.get("function", "")).removeprefix("tf.").removeprefix(_OLD)
    return _ALIASES.get(_ALIASES.get(path, path), _ALIASES.get(path, path))


def step_of(layer: LayerDef, call: CallDef) -> Any:
    """The step of a call, or the tensor that it returns unchanged. Raises `Unreadable`."""
    if layer.kind == graph_operations.KIND:
        return graph_operations.graph_step(layer, call)
    path = function_of(layer)
    given = {
        key: value
        for key, value in {**call.tensors, **call.options}.items()
        if key != "name" and (value is not None or key == "1")
    }
    if path in _COMPOSED:
        return composed(_COMPOSED[path], given, layer.result)
    if path not in _FUNCTIONS:
        raise Unreadable(
            f"the TensorFlow function `{path[:60]}` is not supported",
            FORMULA_HELP,
        )
    return Step(*_renamed(path, given))


def _renamed(path: str, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation of Keras, and its arguments under their names in Keras."""
    kind, names = _FUNCTIONS[path]
    arguments = dict(_TENSORFLOW_DEFAULTS.get(path, {}))
    for key, value in given.items():
        if value is False or key in _OUTPUT_TYPE:
            continue
        if value != 0 and not _is_known(key, names):  # 0: an option that is off
            raise Unreadable(
                f"the argument `{key[:40]}` of the TensorFlow function `{path}` is not supported"
            )
        arguments[names.get(key, key)] = value
    if kind in _OF_LISTS and is_tensor(arguments.get("")):
        arguments[""] = [arguments[""]]  # a file may leave out the list around one tensor
    return kind, arguments


def _is_known(key: str, names: Mapping[str, str]) -> bool:
    """Whether a function has an argument: the first, the second, or one in its table."""
    return key in ("", "1") or key in names.values() or names.get(key, key) != key


def composed_kind(layer: LayerDef) -> str | None:
    """The composed operation that a layer calls; None for every other layer."""
    if layer.kind == graph_operations.KIND:
        return graph_operations.composed_kind(layer)
    return _COMPOSED.get(function_of(layer)) if is_tensorflow(layer) else None
