"""A sparse tensor, and a layer that TensorFlow cannot compute of one."""

from __future__ import annotations

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Note
from modelspec.core.shapes import show

from ..infer import TypedCall, TypedGraph
from .case import Case
from .graph_walk import layer_of


def check(case: Case) -> None:
    """Every layer with `sparse: true` in a model that is trained, and what takes its result."""
    if case.fitting is None:
        return
    for typed in case.graphs:
        _check_graph(case, typed)


def _check_graph(case: Case, typed: TypedGraph) -> None:
    makers: dict[str, TypedCall] = {}
    """Who made the sparse tensor that a call gives."""
    for call in typed.layers:
        layer = layer_of(call)
        if layer is None:
            continue
        taken = [makers.get(ref.producer) for ref in call.call.refs()]
        made = next((one for one in taken if one is not None), None)
        if made is not None and not _takes(layer, typed, call):
            _report(case, made, call)
        elif layer.gives_sparse:
            makers[call.name] = call
            if not layer.trains_sparse:
                _fails(case, call, layer)
        elif made is not None and layer.keeps_sparse and None not in taken:
            makers[call.name] = made


def _takes(layer: Layer, typed: TypedGraph, call: TypedCall) -> bool:
    if not layer.takes_sparse:
        return False
    before = typed.by_name.get(next(call.call.refs()).producer)
    rank = before.outputs[0].rank if before is not None and before.outputs else layer.sparse_rank
    return layer.sparse_rank in (None, rank)


def _report(case: Case, made: TypedCall, call: TypedCall) -> None:
    case.report.error(
        "MS415",
        f"`{made.name}` gives a sparse tensor {show(made.outputs[0].shape)}, of which TensorFlow"
        f" cannot compute `{call.name}` ({call.kind})",
        made.call.use.kind_span,
        notes=[Note(f"`{call.name}` takes it", call.call.use.kind_span)],
        help="leave `sparse` out",
    )


def _fails(case: Case, call: TypedCall, layer: Layer) -> None:
    case.report.error(
        "MS415",
        f"`{layer.kind()}` cannot count into a sparse tensor while a model trains",
        call.call.use.kind_span,
        help="leave `sparse` out, or prepare the data with it, in a `transform`",
    )
