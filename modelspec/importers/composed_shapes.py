"""Operations that a formula computes with several functions: parts of tensors, shapes and products.

Each function has the parameters of the operation in TensorFlow or Keras, and returns its step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .architecture import Unreadable
from .operation_steps import (
    FORMULA_HELP,
    Step,
    step,
    whole,
    wholes,
)


def tile(input: Any, multiples: Any) -> Any:
    """A tensor of zeros is used where the repetitions are those of another tensor's axis."""
    return step("Tile", input, wholes(multiples, "list of repetitions"))


def band_part(input: Any, num_lower: Any, num_upper: Any) -> Any:
    """`tf.linalg.band_part`: one side of the diagonal of matrices."""
    kept = (num_lower, num_upper)
    if kept == (-1, -1):
        return input
    if kept not in ((-1, 0), (0, -1)):
        raise Unreadable(f"it keeps a band of {kept} around the diagonal", FORMULA_HELP)
    return step("Tril" if kept == (-1, 0) else "Triu", input)


def matrix_transpose(a: Any) -> Step:
    return step("Swapaxes", a, -2, -1)


def matmul(
    a: Any,
    b: Any,
    transpose_a: Any = None,
    transpose_b: Any = None,
    adjoint_a: Any = None,
    adjoint_b: Any = None,
    a_is_sparse: Any = None,
    b_is_sparse: Any = None,
) -> Step:
    first = matrix_transpose(a) if transpose_a or adjoint_a else a
    second = matrix_transpose(b) if transpose_b or adjoint_b else b
    return step("Matmul", first, second)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Step:
    """`tf.tensordot` of a tensor with a matrix of numbers."""
    is_matrix = isinstance(b, list) and isinstance(b[0], list)
    if axes not in (1, [[-1], [0]]) or not is_matrix or isinstance(b[0][0], list):
        raise Unreadable("it is not the product with a matrix of numbers", FORMULA_HELP)
    return step("Matmul", a, b)


def dot(x1: Any, x2: Any) -> Step:
    """`keras.ops.dot` with a matrix of numbers."""
    return tensordot(x1, x2, 1)


def pad(tensor: Any, paddings: Any, mode: Any = "CONSTANT", constant_values: Any = 0) -> Step:
    kind, value = str(mode).lower(), constant_values or None
    chosen = None if kind == "constant" else kind
    return step("Pad", tensor, pad_width=paddings, mode=chosen, constant_values=value)


def resize(
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: Any = None,
    antialias: Any = None,
) -> Step:
    if preserve_aspect_ratio:
        raise Unreadable("it keeps the aspect ratio of each image", FORMULA_HELP)
    smooth = True if antialias and method not in ("nearest", "area") else None
    way = None if method == "bilinear" else method
    return step("Resize", images, size=size, interpolation=way, antialias=smooth)


def resize_before_2(method: str) -> Callable[..., Step]:
    def resize_at_centers(
        images: Any, size: Any, align_corners: Any = None, half_pixel_centers: Any = None
    ) -> Step:
        if align_corners or not half_pixel_centers:
            raise Unreadable(
                "it resizes with the positions of TensorFlow 1, for which no layer or function of"
                " Keras 3 gives the same numbers"
            )
        return resize(images, size, method)

    return resize_at_centers


def broadcast_to(input: Any, shape: Any) -> Step:
    like = _shaped_like(shape)
    return step("Add", input, step("ZerosLike", like))


def _shaped_like(shape: Any) -> Any:
    """The tensor whose shape an operation gets. Raises `Unreadable` for any other shape."""
    if isinstance(shape, Step) and shape.kind == "Shape":
        return shape.arguments[""]
    raise Unreadable("its shape is not that of a tensor", FORMULA_HELP)


def filled(which: str) -> Callable[..., Step]:
    def fill(shape: Any, dtype: Any = None) -> Step:
        return step(f"{which}Like", _shaped_like(shape))

    return fill


def filled_with(dims: Any, value: Any) -> Step:
    ones = step("OnesLike", _shaped_like(dims))
    return ones if value == 1 else step("Multiply", ones, value)


def resize_area(images: Any, size: Any) -> Step:
    return resize(images, size, "area")


def arange(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Step:
    stop = None if limit is None else whole(limit, "limit")
    stride = None if delta == 1 else whole(delta, "step")
    first = whole(start, "start")
    bounds = [first] if stop is None else [first, stop]
    return step("Arange", *bounds, step=stride, dtype=None if dtype == "int32" else dtype)


def move_axis(x: Any, source: Any, destination: Any) -> Step:
    first, second = whole(source, "axis"), whole(destination, "axis")
    if abs(first - second) != 1 or first * second < 0:
        raise Unreadable("it moves an axis past several others", FORMULA_HELP)
    return step("Swapaxes", x, first, second)


def convolve(
    input: Any, filters: Any, strides: Any = 1, padding: Any = "VALID", data_format: Any = None,
    dilations: Any = None, use_cudnn_on_gpu: Any = None,
) -> Step:  # fmt: skip
    if data_format not in (None, "NHWC", "NWC", "channels_last"):
        raise Unreadable("its channels are not last", FORMULA_HELP)
    stride, dilation = _one(strides), _one(1 if dilations is None else dilations)
    return step(
        "Conv",
        input,
        filters,
        strides=None if stride == 1 else stride,
        padding="same" if str(padding).lower() == "same" else None,
        dilation_rate=None if dilation == 1 else dilation,
    )


def _one(value: Any) -> int:
    """The only number of the inner axes of a list of strides."""
    items = wholes(value, "strides")
    inner = set(items[1:-1] if len(items) > 2 else items)
    if len(inner) != 1:
        raise Unreadable("its strides differ", FORMULA_HELP)
    return inner.pop()


def to_tensor(value: Any, dtype: Any = None) -> Any:
    return value if dtype is None else step("Cast", value, dtype=dtype)


def same(input: Any, message: Any = None, shape: Any = None) -> Any:
    """The tensor itself."""
    return input


def shape_of(input: Any, out_type: Any = None) -> Step:
    return step("Shape", input)


def pooled(way: str, rank: int | None = None) -> Callable[..., Step]:
    def pool(
        input: Any,
        ksize: Any,
        strides: Any = None,
        padding: Any = "VALID",
        data_format: Any = None,
    ) -> Step:
        return step(
            "Pooled",
            input,
            way=way,
            size=ksize,
            strides=strides,
            padding=padding,
            data_format=data_format,
            rank=rank,
        )

    return pool


def pool_by_type(
    input: Any,
    window_shape: Any,
    pooling_type: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilation_rate: Any = None,
) -> Step:
    if dilation_rate not in (None, 1) or pooling_type not in _POOLS:
        raise Unreadable("its dilation is not 1", FORMULA_HELP)
    stride = 1 if strides is None else strides
    return pooled(_POOLS[pooling_type])(input, window_shape, stride, padding, data_format)


_POOLS = {"MAX": "Max", "AVG": "Average"}


def batch_flatten(x: Any) -> Step:
    return step("FlattenedBatch", x)


def floats(x: Any) -> Step:
    return step("Cast", x, dtype="float32")


SHAPES: Mapping[str, Callable[..., Any]] = {
    "ArangeOf": arange,
    "AveragePool2": pooled("Average", 2),
    "BandPart": band_part,
    "BatchFlatten": batch_flatten,
    "BroadcastTo": broadcast_to,
    "ConvertToTensor": to_tensor,
    "ConvolveWith": convolve,
    "Copy": same,
    "Dot": dot,
    "MatmulOf": matmul,
    "MatrixTranspose": matrix_transpose,
    "Moveaxis": move_axis,
    "MaxPool1": pooled("Max", 1),
    "MaxPool2": pooled("Max", 2),
    "OnesOf": filled("Ones"),
    "PoolOf": pool_by_type,
    "PadOf": pad,
    "FilledWith": filled_with,
    "ResizeArea": resize_area,
    "ResizeBicubic1": resize_before_2("bicubic"),
    "ResizeBilinear1": resize_before_2("bilinear"),
    "ResizeNearest1": resize_before_2("nearest"),
    "ResizeOf": resize,
    "SameAs": same,
    "ShapeOf": shape_of,
    "Tensordot": tensordot,
    "TileOf": tile,
    "ToFloat": floats,
    "ZerosOf": filled("Zeros"),
}
"""By the name of the operation in the tables of TensorFlow, or its class in Keras 3."""
