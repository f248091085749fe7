"""An embedding table with fewer rows than a transform of the data gives indices."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Note

from ..graph import Ref
from ..infer import TypedCall
from ..spec.data_section import transform_of
from ..spec.entries import Use
from .case import Case
from .graph_walk import layer_of, setting_span


def check(case: Case) -> None:
    """Check every table that takes an input whose transform ends with a known number of indices."""
    if case.data is None or case.typed is None:
        return
    known: dict[str, Use] = {}
    for name, feature in (case.data.inputs or {}).items():
        chain = transform_of(feature)
        if chain is not None and chain.complete and chain.uses[-1].layer is not None:
            known[name] = chain.uses[-1]
    for call in case.typed.layers:
        ref = next(iter((call.call.inputs or {}).values()), None)
        use = known.get(ref.producer) if isinstance(ref, Ref) else None
        layer = layer_of(call)
        if isinstance(ref, Ref) and use is not None and layer is not None:
            _check(case, call, layer, ref.producer, use)


def _check(case: Case, call: TypedCall, layer: Layer, name: str, use: Use) -> None:
    rows = layer.looks_up(call.call.use.options)
    assert use.layer is not None
    count = use.layer.indices_below
    if rows is None or count is None or count <= rows:
        return
    case.report.error(
        "MS691",
        f"`{use.kind}` of `{name}` gives indices up to {count - 1}, but `{call.name}` has {rows}"
        " rows",
        setting_span(call, "input_dim", whole=True) or call.call.use.kind_span,
        notes=[Note(f"`{use.kind}` of `{name}`", use.kind_span)],
        help=f"use `input_dim: {count}`",
    )
