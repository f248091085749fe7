"""The steps between columns and model, as operations on tensors that every format supports: the
same code runs on the symbolic tensors of a functional model, and inside a TensorFlow function.

Learned numbers are NumPy arrays here: they become constants of the graph, with all their digits.
Keras would round Python numbers to float32, and a graph would capture tensors, which converters do
not support.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from keras.backend import standardize_dtype

from modelspec.catalog.layers.categories import Discretization
from modelspec.catalog.layers.image import Rescaling
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.standardize import Normalization
from modelspec.compiler.spec.data_section import Pad
from modelspec.core.shapes import Tensor

from ..data.float_layers import EPSILON, broadcast_over, kept_axes
from ..data.table import Array

Step = Callable[[Any], Any]


@dataclass(frozen=True)
class OnText:
    """The steps on strings, if string operations are available."""

    filled: Callable[[Any, str], Any]
    """Strings, with a replacement for empty ones."""
    lowered: Callable[[Any], Any]
    """Strings in lower case."""


def padded(x: Any, pad: Pad, length: int) -> Any:
    """Sequences truncated or padded to `length`, as set by `data.pad`."""
    dtype = standardize_dtype(x.dtype)
    text = dtype == "string"
    filler: Any = (
        "" if text and pad.value == 0 else pad.value if text else _number(pad.value, dtype)
    )
    x = x[:, -length:] if pad.truncating == "pre" else x[:, :length]
    before, behind = (length, 0) if pad.padding == "pre" else (0, length)
    widths = ((0, 0), (before, behind), *((0, 0),) * (len(x.shape) - 2))
    x = ops.pad(x, widths, mode="constant", constant_values=filler)
    return x[:, -length:] if pad.padding == "pre" else x[:, :length]


def _number(value: Any, dtype: str) -> Any:
    return np.asarray(value).astype(np.dtype(dtype)).item()


def filled(x: Any, fill: Any, on_text: OnText | None) -> Any:
    """With replaced missing values."""
    if fill is None:
        return x
    if isinstance(fill, str):
        return on_text.filled(x, fill) if on_text is not None else x
    return ops.where(ops.isnan(x), np.asarray(fill, standardize_dtype(x.dtype)), x)


def typed(x: Any, wanted: Tensor) -> Any:
    """With the shape and dtype of the next step."""
    sizes = wanted.shape[1:]
    known = tuple(size for size in sizes if isinstance(size, int))
    if len(known) == len(sizes):
        if tuple(x.shape[1:]) != known:
            x = ops.reshape(x, (-1, *known))
    elif len(x.shape) - 1 != len(sizes):
        x = _with_ones(x, tuple(axis + 1 for axis, size in enumerate(sizes) if size == 1))
    same = wanted.dtype in ("string", standardize_dtype(x.dtype))
    return x if same else ops.cast(x, wanted.dtype)


def _with_ones(x: Any, places: tuple[int, ...]) -> Any:
    """With axes of size 1 at these positions, and nowhere else."""
    ones = tuple(axis for axis, size in enumerate(x.shape) if axis > 0 and size == 1)
    x = ops.squeeze(x, ones) if ones else x
    for place in places:
        x = ops.expand_dims(x, place)
    return x


# Layers -------------------------------------------------------------------------------------------


def step_of(layer: Layer, given: Tensor, made: Any, dtype: str) -> Step:
    """The output of a layer with nothing left to learn for a tensor of numbers in `dtype`; `made`
    is its Keras layer.
    """
    if isinstance(layer, Normalization):
        return _normalization(layer, given, dtype)
    if isinstance(layer, Rescaling):
        scale, offset = (_constant(one, dtype) for one in (layer.scale, layer.offset))
        return lambda x: ops.add(ops.multiply(x, scale), offset)
    if isinstance(layer, Discretization):
        return _discretization(layer, dtype)
    if layer.crosses_columns:
        return lambda x: made(ops.split(x, x.shape[-1], axis=-1))
    if layer.one_at_a_time:
        return lambda x: ops.map(lambda one: made(ops.expand_dims(one, 0))[0], x)
    found: Step = made
    return found


def _constant(value: Any, dtype: str) -> Array:
    return np.asarray(value, np.float64).astype(dtype)


def _normalization(layer: Normalization, given: Tensor, dtype: str) -> Step:
    axes = kept_axes(layer, given.rank)
    mean, variance = (broadcast_over(one, axes, given.rank) for one in (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance), EPSILON)
    center, spread = _constant(mean, dtype), _constant(deviation, dtype)
    if layer.invert:
        return lambda x: ops.add(ops.multiply(x, spread), center)
    return lambda x: ops.divide(ops.subtract(x, center), spread)


def _discretization(layer: Discretization, dtype: str) -> Step:
    edges = _constant(layer.bin_boundaries, dtype)
    mode, bins = layer.output_mode, len(edges) + 1

    def step(x: Any) -> Any:
        past = ops.cast(ops.greater_equal(ops.expand_dims(x, -1), edges), "int32")
        index = ops.sum(past, axis=-1)
        if mode == "int":
            return index
        if mode == "one_hot" and len(index.shape) > 1 and index.shape[-1] == 1:
            index = ops.squeeze(index, -1)
        marks = ops.one_hot(index, bins, dtype=dtype)
        if mode == "one_hot":
            return marks
        return ops.sum(marks, axis=1) if mode == "count" else ops.max(marks, axis=1)

    return step
