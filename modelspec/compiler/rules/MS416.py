"""A layer inside another one of another dtype, with which it cannot compute."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer

from ..infer import TypedCall
from ..infer.shared import nested
from .case import Case
from .graph_walk import layer_of, setting_span


def check(case: Case) -> None:
    """Every layer that computes the one in it without a cast."""
    for typed in case.graphs:
        for call in typed.layers:
            layer = layer_of(call)
            for one in nested(layer) if layer is not None else ():
                _check(case, call, one)


def _check(case: Case, call: TypedCall, layer: Layer) -> None:
    inner = getattr(layer, "layer", None)
    if not layer.runs_uncast or not isinstance(inner, Layer):
        return
    taken = layer.compute_dtype
    if taken in inner.no_kernel_in and taken != inner.compute_dtype:
        case.report.error(
            "MS416",
            f"`{layer.kind()}` gives {taken} to the `{inner.kind()}` in it and does not cast, and"
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
        f"`{layer.kind()}` gives {taken} to the `{inner.kind()}` in it, whose weights are"
        f" {inner.variable_dtype}, and does not cast",
        setting_span(call, "dtype") or call.call.use.kind_span,
        help=f"give `{layer.kind()}` and `{inner.kind()}` the same `dtype`",
    )
