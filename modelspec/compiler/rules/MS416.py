"""A layer inside a wrapper whose dtype it does not support."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer

from ..infer import TypedCall
from .case import Case
from .graph_walk import setting_span


def check(case: Case) -> None:
    """Check every wrapper that does not cast the input of its layer."""
    for call, _, parts, _ in case.layers.stating("runs_uncast"):
        for one in parts:
            _check(case, call, one)


def _check(case: Case, call: TypedCall, layer: Layer) -> None:
    inner = getattr(layer, "layer", None)
    if not layer.runs_uncast or not isinstance(inner, Layer):
        return
    taken = layer.compute_dtype
    if taken in inner.no_kernel_in and taken != inner.compute_dtype:
        case.report.error(
            "MS416",
            f"`{layer.kind()}` passes {taken} to its `{inner.kind()}` without a cast, but"
            f" TensorFlow cannot compute `{inner.kind()}` in {taken}",
            setting_span(call, "dtype") or call.call.use.kind_span,
            help=f"give `{layer.kind()}` `dtype: {inner.compute_dtype}`",
        )
        return
    if inner.mixes_dtypes:
        return
    mixed = taken != layer.variable_dtype  # Keras then casts every weight inside
    if mixed or inner.variable_dtype == taken:
        return
    case.report.error(
        "MS416",
        f"`{layer.kind()}` passes {taken} without a cast to its `{inner.kind()}`, whose weights"
        f" are {inner.variable_dtype}",
        setting_span(call, "dtype") or call.call.use.kind_span,
        help=f"give `{layer.kind()}` and `{inner.kind()}` the same `dtype`",
    )
