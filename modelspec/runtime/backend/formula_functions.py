"""The functions of formulas as Keras operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from keras import ops


def operation(name: str) -> Callable[..., Any]:
    """The function of `keras.ops` with this name, or a composition of several."""
    found: Callable[..., Any] = COMPOSED.get(name) or getattr(ops, name)
    return found


def added(x1: Any, x2: Any) -> Any:
    """Returns `x1 + x2`."""
    if not is_added_as_a_bias(x1, x2):
        return ops.add(x1, x2)
    return ops.subtract(x1, ops.subtract(ops.zeros_like(x2), x2))


def is_added_as_a_bias(x1: Any, x2: Any) -> bool:
    """Whether `keras.ops.add` may add `x2`, which has one axis larger than 1, along another axis of
    `x1`: with TensorFlow it compares the sizes, not the positions of the axes (Keras 3.15).
    """
    sizes: Any = getattr(x1, "shape", ())
    other: Any = getattr(x2, "shape", ())
    larger = [size for size in other if size is None or size > 1]
    if len(sizes) < 2 or len(larger) != 1 or larger[0] is None:
        return False
    is_last = other[-1] == larger[0] == sizes[-1]
    return not is_last or len(other) > len(sizes)


def _cosine_similarity(x1: Any, x2: Any, axis: int) -> Any:
    """As in `keras.metrics.CosineSimilarity`: 1 for vectors of the same direction."""
    first, second = (ops.normalize(x, axis=axis) for x in (x1, x2))
    return ops.sum(ops.multiply(first, second), axis=axis)


def _length(x: Any) -> Any:
    return ops.cast(ops.shape(x)[0], "int32")


def _resize(images: Any, size: Any, interpolation: str, antialias: bool) -> Any:
    return ops.image.resize(
        images,
        size,
        interpolation=interpolation,
        antialias=antialias,
        data_format="channels_last",
    )


def _patches(images: Any, size: Any, strides: Any, dilation_rate: int, padding: str) -> Any:
    return ops.image.extract_patches(
        images,
        size,
        strides=strides,
        dilation_rate=dilation_rate,
        padding=padding,
        data_format="channels_last",
    )


def _convolve(inputs: Any, kernel: Any, strides: int, padding: str, dilation_rate: int) -> Any:
    return ops.conv(
        inputs,
        kernel,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        data_format="channels_last",
    )


def structural_similarity(
    img1: Any,
    img2: Any,
    max_val: float,
    filter_size: int,
    filter_sigma: float,
    k1: float,
    k2: float,
) -> Any:
    """Returns the structural similarity of pairs of images, as `tf.image.ssim`.

    Images have the shape (batch, height, width, channels), the result (batch,).
    Source: Wang et al., "Image quality assessment: from error visibility to
    structural similarity", 2004.
    """
    places = np.arange(filter_size) - (filter_size - 1) / 2
    row = np.exp(-0.5 * np.square(places / filter_sigma))
    square = np.outer(row, row) / row.sum() ** 2
    kernel = np.tile(square[:, :, None, None], (1, 1, img1.shape[-1], 1))
    kernel = ops.convert_to_tensor(kernel, dtype=img1.dtype)

    def mean(x: Any) -> Any:
        return ops.depthwise_conv(x, kernel, 1, "valid", data_format="channels_last")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean1, mean2 = mean(img1), mean(img2)
    product, squares = mean1 * mean2, ops.square(mean1) + ops.square(mean2)
    luminance = (2.0 * product + c1) / (squares + c1)
    covariance = 2.0 * mean(img1 * img2) - 2.0 * product
    variances = mean(ops.square(img1) + ops.square(img2)) - squares
    similarity = luminance * (covariance + c2) / (variances + c2)
    return ops.mean(ops.mean(similarity, axis=(1, 2)), axis=-1)


COMPOSED: Final[dict[str, Callable[..., Any]]] = {
    "add": added,
    "convolve": _convolve,
    "gather": ops.take,
    "patches": _patches,
    "resize": _resize,
    "ssim": structural_similarity,
    "cosine_similarity": _cosine_similarity,
    "len": _length,
}
"""The functions that `keras.ops` does not have under their names, or computes otherwise."""
