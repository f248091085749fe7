"""Operations of Keras 3 that a formula computes with several functions, or with other arguments.

Each function has the parameters of the operation in `keras.ops`, and returns its step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .architecture import Unreadable
from .composed_shapes import convolve, pooled
from .operation_steps import FORMULA_HELP, Step, along, part, step, whole

_EPSILON = 1e-7
"""The default of Keras."""


def _need_channels_last(data_format: Any) -> None:
    if data_format not in (None, "channels_last"):
        raise Unreadable("its channels are not last", FORMULA_HELP)


def resize(
    images: Any,
    size: Any,
    interpolation: Any = "bilinear",
    antialias: Any = None,
    crop_to_aspect_ratio: Any = None,
    pad_to_aspect_ratio: Any = None,
    fill_mode: Any = None,
    fill_value: Any = None,
    data_format: Any = None,
) -> Step:
    _need_channels_last(data_format)
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        raise Unreadable("it keeps the aspect ratio of each image", FORMULA_HELP)
    way = None if interpolation == "bilinear" else interpolation
    return step("Resize", images, size=size, interpolation=way, antialias=antialias or None)


def patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
) -> Step:
    _need_channels_last(data_format)
    return step(
        "ExtractPatches",
        images,
        size=size,
        strides=strides,
        dilation_rate=None if dilation_rate == 1 else dilation_rate,
        padding=None if padding == "valid" else padding,
    )


def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Step:
    return convolve(inputs, kernel, strides, padding, data_format, dilation_rate)


def pool(way: str) -> Callable[..., Step]:
    def found(
        inputs: Any,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: Any = None,
    ) -> Step:
        return pooled(way)(inputs, pool_size, strides, padding, data_format)

    return found


def take(x: Any, indices: Any, axis: Any = None) -> Step:
    if axis is None:
        raise Unreadable("it takes elements of the flattened tensor", FORMULA_HELP)
    if type(indices) is int:
        return along(x, whole(axis, "axis"), indices)
    return step("Gather", x, indices, axis=axis or None)


def hstack(xs: Any) -> Step:
    return step("Concatenate", xs, axis=1)


def expand_dims(x: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, list) else [axis]
    found: Any = x
    for one in sorted((whole(one, "axis") for one in axes), key=lambda one: (one < 0, one)):
        found = step("ExpandDims", found, one)
    if sum(one < 0 for one in axes) > 1:
        raise Unreadable("it adds several axes, counted from the last", FORMULA_HELP)
    return found


def triangle(kind: str) -> Callable[..., Step]:
    def found(x: Any, k: Any = 0) -> Step:
        if k:
            raise Unreadable(f"its diagonal is {k}, not the main one", FORMULA_HELP)
        return step(kind, x)

    return found


def rounded(x: Any, decimals: Any = 0) -> Step:
    if not decimals:
        return step("Round", x)
    factor = 10.0 ** whole(decimals, "number of decimals")
    return step("Divide", step("Round", step("Multiply", x, factor)), factor)


def exp2(x: Any) -> Step:
    return step("Power", 2.0, x)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Step:
    if dtype is not None:
        raise Unreadable("it has another dtype than its tensor", FORMULA_HELP)
    return step("Multiply", step("OnesLike", x), fill_value)


def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Step:
    if posinf is None or neginf is None:
        raise Unreadable("it replaces infinity by the largest number", FORMULA_HELP)
    finite = step("Where", step("Equal", x, step("Absolute", x)), posinf, neginf)
    return step("Where", step("Isnan", x), nan, step("Where", step("Isinf", x), finite, x))


def threshold(x: Any, threshold: Any, default_value: Any) -> Step:
    return step("Where", step("Greater", x, threshold), x, default_value)


def sparse_sigmoid(x: Any) -> Step:
    return step("Clip", step("Add", step("Multiply", x, 0.5), 0.5), 0, 1)


def sparse_plus(x: Any) -> Step:
    curve = step("Divide", step("Square", step("Maximum", step("Add", x, 1), 0)), 4)
    return step("Where", step("GreaterEqual", x, 1), x, curve)


def truncated(x: Any) -> Step:
    return step("Multiply", step("Sign", x), step("Floor", step("Absolute", x)))


def cube_root(x: Any) -> Step:
    return step("Multiply", step("Sign", x), step("Power", step("Absolute", x), 1 / 3))


def scaled(factor: float) -> Callable[[Any], Step]:
    def found(x: Any) -> Step:
        return step("Multiply", x, factor)

    return found


def absolute(x: Any) -> Step:
    return step("Absolute", x)


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if not isinstance(condlist, list) or len(condlist) != len(choicelist):
        raise Unreadable("it has lists of different lengths", FORMULA_HELP)
    found = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = step("Where", condition, choice, found)
    return found


def diff(a: Any, n: Any = 1, axis: Any = -1) -> Any:
    found = a
    for _ in range(min(whole(n, "order"), 3)):
        later, earlier = (along(found, axis, one) for one in (part(1), part(None, -1)))
        found = step("Subtract", later, earlier)
    return found


def multi_hot(
    inputs: Any, num_classes: Any, axis: Any = -1, dtype: Any = None, sparse: Any = None
) -> Step:
    if axis != -1:
        raise Unreadable(f"its axis is {axis}", FORMULA_HELP)
    kind = None if dtype in (None, "float32") else dtype
    return step("Amax", step("OneHot", inputs, num_classes, dtype=kind), axis=-2)


def _moved(found: Step, factor: Any, offset: Any) -> Step:
    found = found if factor is None else step("Multiply", found, factor)
    return found if offset is None else step("Add", found, offset)


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: Any = -1,
    offset: Any = None,
    scale: Any = None,
    epsilon: Any = 1e-3,
) -> Step:
    if axis != -1:
        raise Unreadable(f"its axis is {axis}, not the last", FORMULA_HELP)
    inverse = step("Rsqrt", step("Add", variance, epsilon))
    return _moved(step("Multiply", step("Subtract", x, mean), inverse), scale, offset)


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: Any = 1e-3,
    rms_scaling: Any = None,
) -> Step:
    if rms_scaling:
        raise Unreadable("it is scaled by the root of the mean square", FORMULA_HELP)
    mean = step("Mean", x, axis=axis, keepdims=True)
    added = _EPSILON if epsilon is None else epsilon
    spread = step("Rsqrt", step("Add", step("Var", x, axis=axis, keepdims=True), added))
    return _moved(step("Multiply", step("Subtract", x, mean), spread), gamma, beta)


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = 1e-7) -> Step:
    mean = step("Mean", step("Square", x), axis=axis, keepdims=True)
    added = _EPSILON if epsilon is None else epsilon
    return _moved(step("Multiply", x, step("Rsqrt", step("Add", mean, added))), scale, None)


def attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: Any = None,
    flash_attention: Any = None,
    attn_logits_soft_cap: Any = None,
) -> Step:
    """Tensors of (batch, time, heads, size)."""
    if is_causal or mask is not None or attn_logits_soft_cap is not None:
        raise Unreadable("it has a mask", FORMULA_HELP)
    return step("AttentionOf", query, key, value, bias, scale)


KERAS: Mapping[str, Callable[..., Any]] = {
    "AveragePool": pool("Average"),
    "BatchNorm": batch_normalization,
    "Cbrt": cube_root,
    "Conv": conv,
    "Deg2rad": scaled(math.pi / 180),
    "Diff": diff,
    "DotProductAttention": attention,
    "Exp2": exp2,
    "ExpandDims": expand_dims,
    "ExtractPatches": patches,
    "Fabs": absolute,
    "FullLike": full_like,
    "Hstack": hstack,
    "LayerNorm": layer_normalization,
    "MaxPool": pool("Max"),
    "MultiHot": multi_hot,
    "NanToNum": nan_to_num,
    "RMSNorm": rms_normalization,
    "Rad2deg": scaled(180 / math.pi),
    "Resize": resize,
    "Round": rounded,
    "Select": select,
    "SparsePlus": sparse_plus,
    "SparseSigmoid": sparse_sigmoid,
    "Take": take,
    "Threshold": threshold,
    "Tril": triangle("Tril"),
    "Triu": triangle("Triu"),
    "Trunc": truncated,
}
"""By the class of the operation."""
