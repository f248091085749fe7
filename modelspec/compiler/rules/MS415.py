"""A sparse tensor as the input of a layer that TensorFlow supports for dense tensors only."""

from __future__ import annotations

from collections.abc import Container

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Note
from modelspec.core.shapes import Tensor, show

from ..graph import Ref
from ..infer import TypedCall, TypedGraph
from .case import Case
from .graph_walk import layer_of
from .running_calls import RunningCalls


def check(case: Case) -> None:
    """Check every layer with `sparse: true` in a model with training, and its consumers."""
    if case.fitting is None or not case.layers.stating("gives_sparse", "sparse"):
        return
    running = RunningCalls(case)
    for typed in case.graphs:
        _check_graph(case, typed, running)


def _check_graph(case: Case, typed: TypedGraph, running: RunningCalls) -> None:
    makers: dict[str, TypedCall] = {}
    """By call name: the call that created the sparse tensor that it outputs."""
    for call in typed.layers:
        layer = layer_of(call)
        if layer is None or call not in running:
            continue
        refs = list(call.call.refs())
        made = next((makers[ref.producer] for ref in refs if ref.producer in makers), None)
        if made is not None and not _takes(layer, typed, refs, makers):
            _report(case, made, call)
        elif layer.gives_sparse:
            makers[call.name] = call
            if not layer.trains_sparse:
                _fails(case, call, layer)
        elif made is not None and _keeps(layer, refs, makers):
            makers[call.name] = made
    if typed is case.typed:
        _check_outputs(case, makers)


def _takes(layer: Layer, typed: TypedGraph, refs: list[Ref], makers: Container[str]) -> bool:
    """Whether the layer accepts its sparse tensors together with its dense tensors of known
    shape.
    """
    sparse, dense = list[Tensor](), list[Tensor]()
    for ref in refs:
        before = typed.by_name.get(ref.producer)
        given = before.outputs[:1] if before is not None else ()
        if before is None and ref.producer in typed.inputs:
            given = (typed.inputs[ref.producer],)
        (sparse if ref.producer in makers else dense).extend(given)
    return layer.takes_sparse(sparse, dense)


def _keeps(layer: Layer, refs: list[Ref], makers: Container[str]) -> bool:
    if layer.keeps_sparse == "any":
        return True
    return layer.keeps_sparse == "all" and all(ref.producer in makers for ref in refs)


def _check_outputs(case: Case, makers: dict[str, TypedCall]) -> None:
    """Losses take dense tensors: nearly all Keras losses fail with a sparse tensor."""
    assert case.typed is not None and case.training is not None
    reported = set[str]()
    for name, ref in case.typed.graph.outputs.items():
        made = makers.get(ref.producer)
        if made is None or name not in case.training.losses or made.name in reported:
            continue
        reported.add(made.name)
        case.report.error(
            "MS415",
            f"output `{name}` is a sparse tensor, but losses take dense tensors",
            made.call.use.kind_span,
            help="leave `sparse` out",
        )


def _report(case: Case, made: TypedCall, call: TypedCall) -> None:
    case.report.error(
        "MS415",
        f"`{made.name}` outputs a sparse tensor {show(made.outputs[0].shape)}, which TensorFlow"
        f" does not support as the input of `{call.name}` ({call.kind})",
        made.call.use.kind_span,
        notes=[Note(f"`{call.name}` takes it", call.call.use.kind_span)],
        help="leave `sparse` out",
    )


def _fails(case: Case, call: TypedCall, layer: Layer) -> None:
    case.report.error(
        "MS415",
        f"`{layer.kind()}` cannot output counts as a sparse tensor during training",
        call.call.use.kind_span,
        help="leave `sparse` out, or move the layer to a `transform` of the data",
    )
