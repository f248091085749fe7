"""An embedding table with fewer rows than the layer before it has indices."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..infer import TypedCall
from .case import Case
from .graph_walk import by_name, layer_of, producer, setting_span


def check(case: Case) -> None:
    """Check every table whose indices come from a layer."""
    if not case.layers.stating("looks_up") or not case.layers.stating("output_mode"):
        return
    for typed in case.graphs:
        calls = by_name(typed)
        for call in typed.layers:
            source = producer(call, calls)
            if source is not None:
                _check(case, call, source)


def _check(case: Case, call: TypedCall, source: TypedCall) -> None:
    layer = layer_of(call)
    rows = layer.looks_up(call.call.use.options) if layer is not None else None
    tokens = _indices(layer_of(source))
    if rows is None or tokens is None or tokens <= rows:
        return
    case.report.error(
        "MS524",
        f"`{source.name}` outputs indices up to {tokens - 1}, but `{call.name}` has {rows} rows",
        setting_span(call, "input_dim", whole=True) or call.call.use.kind_span,
        notes=[Note(f"`{source.name}`", source.call.use.kind_span)],
        help=f"use `input_dim: {tokens}`",
    )


def _indices(layer: object) -> int | None:
    """How many different indices a preprocessing layer outputs; None if its settings leave it
    open.
    """
    if getattr(layer, "output_mode", None) != "int":
        return None
    sizes = (getattr(layer, name, None) for name in ("depth", "max_tokens", "num_bins"))
    return next((size for size in sizes if isinstance(size, int)), None)
