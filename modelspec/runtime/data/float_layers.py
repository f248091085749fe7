"""Layers of a transform that are computed here in float64, and not by Keras.

Keras rounds the settings of `Normalization` and `Rescaling` and the boundaries of `Discretization`
to float32, whatever the dtype of the layer, so that timestamps or prices in cents lose precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelspec.catalog.layers.categories import Discretization
from modelspec.catalog.layers.crossing import HashedCrossing
from modelspec.catalog.layers.date_parts import DateParts
from modelspec.catalog.layers.image import Rescaling
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.plugin_transform import Transform
from modelspec.catalog.layers.standardize import Normalization
from modelspec.catalog.layers.tokenizers import Tokenizer
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Tensor

from .crossed_columns import crossed
from .date_cells import parts_of_dates
from .table import Array
from .text_steps import later_step

Apply = Callable[[Array], Array]
EPSILON = 1e-7
"""The smallest deviation that Keras's `Normalization` divides by."""


def computed_here(layer: Layer, given: Tensor) -> Apply | None:
    """A function that computes the layer; None for a layer that Keras computes."""
    if isinstance(layer, Normalization):
        return _normalization(layer, given)
    if isinstance(layer, Rescaling):
        return _rescaling(layer)
    if isinstance(layer, Transform):
        from .plugin_transform import Applied  # it imports this module

        return Applied(layer, given)
    if isinstance(layer, DateParts):
        return parts_of_dates(layer)
    if layer.text_step:
        return later_step(layer)
    if isinstance(layer, Tokenizer):
        from .tokenizers import tokenized

        return tokenized(layer)
    if isinstance(layer, HashedCrossing):
        return crossed(layer)
    return _discretization(layer) if isinstance(layer, Discretization) else None


def _result(layer: Layer, values: Array) -> Array:
    """The values in the output dtype of the layer."""
    dtype = layer.compute_dtype
    known = is_float(dtype) and dtype != "bfloat16"
    return values.astype(dtype) if known else values.astype(np.float32)


def broadcast_over(values: Any, axes: list[int], rank: int) -> Array:
    """Numbers along some axes, reshaped to broadcast over a tensor of the given rank."""
    numbers = np.asarray(values, np.float64)
    shape = [1] * rank
    for index in range(1, numbers.ndim + 1):
        shape[axes[-index]] = numbers.shape[-index]
    return numbers.reshape(shape) if numbers.ndim else numbers


def kept_axes(layer: Normalization, rank: int) -> list[int]:
    """The axes along which each entry has its own mean."""
    axes = layer.axis if isinstance(layer.axis, tuple) else (layer.axis,)
    return sorted(axis % rank for axis in axes if axis is not None)


def _normalization(layer: Normalization, given: Tensor) -> Apply:
    axes = kept_axes(layer, given.rank)
    mean = broadcast_over(layer.mean, axes, given.rank)
    with np.errstate(invalid="ignore"):  # a negative variance gives NaN, as in Keras
        deviation = np.maximum(np.sqrt(broadcast_over(layer.variance, axes, given.rank)), EPSILON)

    def apply(values: Array) -> Array:
        numbers = values.astype(np.float64)
        found = numbers * deviation + mean if layer.invert else (numbers - mean) / deviation
        return _result(layer, found)

    return apply


def _rescaling(layer: Rescaling) -> Apply:
    scale, offset = np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)

    def apply(values: Array) -> Array:
        return _result(layer, values.astype(np.float64) * scale + offset)

    return apply


def _discretization(layer: Discretization) -> Apply:
    edges = np.asarray(layer.bin_boundaries, np.float64)
    mode, dtype = layer.output_mode, (layer.dtype or "float32").removeprefix("mixed_")

    def apply(values: Array) -> Array:
        bins: Array = np.searchsorted(edges, values.astype(np.float64), side="right")
        if mode == "int":
            return bins.astype(np.int32)
        if mode == "one_hot" and bins.ndim > 1 and bins.shape[-1] == 1:
            bins = bins[..., 0]
        found: Array = bins[..., None] == np.arange(len(edges) + 1)
        if mode == "multi_hot":
            found = np.asarray(found.any(axis=1))
        elif mode == "count":
            found = found.sum(axis=1)
        return found.astype(np.float32 if dtype == "bfloat16" else dtype)

    return apply
