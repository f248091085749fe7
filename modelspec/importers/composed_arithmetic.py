"""Operations that a formula computes with several functions: elementwise ones, and reductions.

Each function has the parameters of the operation in TensorFlow or Keras, and returns its step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .architecture import Unreadable
from .operation_steps import FORMULA_HELP, Step, index, number, part, step, whole

_EUCLIDEAN = (None, "euclidean", "fro", 2)
_LUMA = (0.2989, 0.587, 0.114)
"""The share of red, green and blue in grey, as in `tf.image.rgb_to_grayscale`."""
_RANGES = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
}


def _sum_of_squares(x: Any, axis: Any, keepdims: Any) -> Step:
    return step("Sum", step("Square", x), axis=axis, keepdims=keepdims or None)


def _is_zero(x: Any) -> Step:
    return step("Equal", x, 0)


def _unless_zero(x: Any, value: Any) -> Step:
    """`value`, and 0 where `x` is 0."""
    return step("Where", _is_zero(x), 0.0, value)


def l2_normalize(x: Any, axis: Any = None, epsilon: Any = 1e-12, dim: Any = None) -> Step:
    length = step("Maximum", _sum_of_squares(x, axis if dim is None else dim, True), epsilon)
    return step("Multiply", x, step("Rsqrt", length))


def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: Any = None) -> Step:
    if order != 2 or epsilon is not None:
        raise Unreadable("its order or epsilon is not the default", FORMULA_HELP)
    return step("Normalize", x, axis=axis)


def norm(
    x: Any, ord: Any = None, axis: Any = None, keepdims: Any = None, keep_dims: Any = None
) -> Step:
    kept = keepdims or keep_dims or None
    if ord in _EUCLIDEAN and (ord != 2 or not isinstance(axis, (list, tuple))):
        return step("Sqrt", _sum_of_squares(x, axis, kept))
    if isinstance(axis, (list, tuple)) or axis is None:
        raise Unreadable(f"the norm `{str(ord)[:20]}` of matrices is not supported", FORMULA_HELP)
    size = step("Absolute", x)
    if ord == 1:
        return step("Sum", size, axis=axis, keepdims=kept)
    if ord in (math.inf, "inf"):
        return step("Amax", size, axis=axis, keepdims=kept)
    power = number(ord, "order")
    total = step("Sum", step("Power", size, power), axis=axis, keepdims=kept)
    return step("Power", total, 1 / power)


def euclidean_norm(x: Any, axis: Any = None, keepdims: Any = None) -> Step:
    return step("Sqrt", _sum_of_squares(x, axis, keepdims))


def length_normalized(x: Any, ord: Any = None, axis: Any = None, result: int = 0) -> Step:
    """`tf.linalg.normalize`: the vectors of length 1, and the lengths."""
    length = norm(x, ord, axis, True)
    return step("Divide", x, length) if result == 0 else length


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Step:
    longest = step("Maximum", step("Sqrt", _sum_of_squares(t, axes, True)), clip_norm)
    return step("Divide", step("Multiply", t, clip_norm), longest)


def squared_difference(x: Any, y: Any) -> Step:
    return step("Square", step("Subtract", x, y))


def divide_no_nan(x: Any, y: Any) -> Step:
    return _unless_zero(y, step("Divide", x, y))


def multiply_no_nan(x: Any, y: Any) -> Step:
    return _unless_zero(y, step("Multiply", x, y))


def xlogy(x: Any, y: Any) -> Step:
    return _unless_zero(x, step("Multiply", x, step("Log", y)))


def xlog1py(x: Any, y: Any) -> Step:
    return _unless_zero(x, step("Multiply", x, step("Log1p", y)))


def xdivy(x: Any, y: Any) -> Step:
    return _unless_zero(x, step("Divide", x, y))


def reciprocal(x: Any) -> Step:
    return step("Divide", 1.0, x)


def erfc(x: Any) -> Step:
    return step("Subtract", 1.0, step("Erf", x))


def crelu(features: Any, axis: Any = -1) -> Step:
    both = [step("Relu", features), step("Relu", step("Negative", features))]
    return step("Concatenate", both, axis=axis)


def silu(features: Any, beta: Any = 1.0) -> Step:
    if beta == 1:
        return step("Silu", features)
    return step("Multiply", features, step("Sigmoid", step("Multiply", features, beta)))


def glu(x: Any, axis: Any = -1) -> Step:
    from .composed_parts import split

    first, second = (split(x, 2, axis, result=place) for place in (0, 1))
    return step("Multiply", first, step("Sigmoid", second))


def hypot(x1: Any, x2: Any) -> Step:
    return step("Sqrt", step("Add", step("Square", x1), step("Square", x2)))


def logaddexp(x1: Any, x2: Any) -> Step:
    return step("Logsumexp", step("Stack", [x1, x2], axis=-1), axis=-1)


def add_all(inputs: Any) -> Any:
    """`tf.add_n`."""
    items = inputs if isinstance(inputs, list) else [inputs]
    found = items[0]
    for one in items[1:]:
        found = step("Add", found, one)
    return found


def cumulative(kind: str) -> Callable[..., Step]:
    def cumsum(x: Any, axis: Any = 0, exclusive: Any = None, reverse: Any = None) -> Step:
        turned = step("Flip", x, axis=axis) if reverse else x
        found = step(kind, turned, axis=axis)
        if reverse:
            found = step("Flip", found, axis=axis)
        if not exclusive:
            return found
        if kind != "Cumsum":
            raise Unreadable("its products are exclusive", FORMULA_HELP)
        return step("Subtract", found, x)

    return cumsum


def sort(values: Any, axis: Any = -1, direction: Any = "ASCENDING") -> Step:
    if direction != "DESCENDING":
        return step("Sort", values, axis=axis)
    return step("Negative", step("Sort", step("Negative", values), axis=axis))


def argsort(values: Any, axis: Any = -1, direction: Any = "ASCENDING", stable: Any = None) -> Step:
    given = step("Negative", values) if direction == "DESCENDING" else values
    return step("Argsort", given, axis=axis)


def count_nonzero(input: Any, axis: Any = None, keepdims: Any = None, dtype: Any = None) -> Step:
    present = step("Cast", step("NotEqual", input, 0), dtype="int32")
    return step("Sum", present, axis=axis, keepdims=keepdims or None)


def average(x: Any, weights: Any = None, axis: Any = None) -> Step:
    if weights is None:
        return step("Mean", x, axis=axis)
    total = step("Sum", step("Multiply", x, weights), axis=axis)
    return step("Divide", total, step("Sum", weights, axis=axis))


def peak_to_peak(x: Any, axis: Any = None, keepdims: Any = None) -> Step:
    kept = keepdims or None
    return step(
        "Subtract",
        step("Amax", x, axis=axis, keepdims=kept),
        step("Amin", x, axis=axis, keepdims=kept),
    )


def moments(
    x: Any, axes: Any, keepdims: Any = None, synchronized: Any = None, result: int = 0
) -> Step:
    """The mean and the variance."""
    return step("Mean" if result == 0 else "Var", x, axis=axes, keepdims=keepdims or None)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any = None, scale: Any = None,
    variance_epsilon: Any = 1e-3,
) -> Step:  # fmt: skip
    inverse: Any = step("Rsqrt", step("Add", variance, variance_epsilon))
    inverse = inverse if scale is None else step("Multiply", inverse, scale)
    found = step("Multiply", step("Subtract", x, mean), inverse)
    return found if offset is None else step("Add", found, offset)


def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None,
    dtype: Any = None,
) -> Step:  # fmt: skip
    kind = None if dtype in (None, "float32") else dtype
    place = None if axis in (None, -1) else axis
    found = step("OneHot", indices, whole(depth, "depth"), axis=place, dtype=kind)
    on = 1 if on_value is None else number(on_value, "`on_value`")
    off = 0 if off_value is None else number(off_value, "`off_value`")
    found = found if on - off == 1 else step("Multiply", found, on - off)
    return found if off == 0 else step("Add", found, off)


def sequence_mask(lengths: Any, maxlen: Any, dtype: Any = None) -> Step:
    positions = step("Arange", whole(maxlen, "`maxlen`"))
    found = step("Less", positions, step("ExpandDims", lengths, axis=-1))
    return found if dtype in (None, "bool") else step("Cast", found, dtype=dtype)


def saturate_cast(value: Any, dtype: Any) -> Step:
    if dtype not in _RANGES:
        raise Unreadable(f"it limits numbers to the range of `{str(dtype)[:20]}`", FORMULA_HELP)
    low, high = _RANGES[dtype]
    return step("Cast", step("Clip", value, low, high), dtype=dtype)


def top_k(input: Any, k: Any = 1, sorted: Any = True, result: int = 0) -> Step:
    return step("Result", step("TopK", input, whole(k, "`k`")), result)


def dropout(x: Any, rate: Any, seed: Any = None, noise_shape: Any = None) -> Any:
    if rate != 0:
        raise Unreadable(
            "`tf.nn.dropout` also drops when the model predicts, which no layer does",
            "use `Dropout` if it was meant for training",
        )
    return x


# Images -------------------------------------------------------------------------------------------


def to_gray(images: Any) -> Step:
    found: Any = None
    for place, share in enumerate(_LUMA):
        channel = index(images, {"class_name": "__ellipsis__"}, part(place, place + 1))
        weighted = step("Multiply", channel, share)
        found = weighted if found is None else step("Add", found, weighted)
    assert isinstance(found, Step)
    return found


def to_rgb(images: Any) -> Step:
    return step("Repeat", images, 3, axis=-1)


def adjust_contrast(images: Any, contrast_factor: Any) -> Step:
    mean = step("Mean", images, axis=[-3, -2], keepdims=True)
    return step("Add", step("Multiply", step("Subtract", images, mean), contrast_factor), mean)


def adjust_brightness(image: Any, delta: Any) -> Step:
    return step("Add", image, delta)


def to_float_image(image: Any, dtype: Any, saturate: Any = None) -> Step:
    raise Unreadable("the range of its numbers depends on their dtype", FORMULA_HELP)


ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "AddN": add_all,
    "AdjustBrightness": adjust_brightness,
    "AdjustContrast": adjust_contrast,
    "ArgsortInOrder": argsort,
    "Average": average,
    "BatchNormalization": batch_normalization,
    "ClipByNorm": clip_by_norm,
    "CountNonzero": count_nonzero,
    "Crelu": crelu,
    "CumulativeProduct": cumulative("Cumprod"),
    "CumulativeSum": cumulative("Cumsum"),
    "DivideNoNan": divide_no_nan,
    "DropoutAlways": dropout,
    "Erfc": erfc,
    "EuclideanNorm": euclidean_norm,
    "Glu": glu,
    "Hypot": hypot,
    "L2Normalize": l2_normalize,
    "LengthNormalized": length_normalized,
    "Logaddexp": logaddexp,
    "Moments": moments,
    "MultiplyNoNan": multiply_no_nan,
    "Norm": norm,
    "Normalize": normalize,
    "OneHotValues": one_hot,
    "Ptp": peak_to_peak,
    "RGBToGrayscale": to_gray,
    "RGBFromGrayscale": to_rgb,
    "Reciprocal": reciprocal,
    "SaturateCast": saturate_cast,
    "SequenceMask": sequence_mask,
    "SiluBeta": silu,
    "SortInOrder": sort,
    "SquaredDifference": squared_difference,
    "TopK": top_k,
    "Xdivy": xdivy,
    "Xlog1py": xlog1py,
    "Xlogy": xlogy,
}
"""By the name of the operation in the tables of TensorFlow, or its class in Keras 3."""
