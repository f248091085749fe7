"""The types of the tensors that a text names."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.compiler.graph.graph import Ref
from modelspec.compiler.infer.typed_graph import TypedGraph
from modelspec.core.shapes import Tensor

from .analysis import Analysis


def named_at(analysis: Analysis, offset: int) -> list[Tensor]:
    """The different types of the tensor whose name is at an offset, in the order of the uses."""
    found = [
        tensor
        for graph in graphs(analysis)
        for ref in _refs(graph)
        if ref.span.start <= offset <= ref.span.end
        and analysis.is_here(ref.span)
        and (tensor := type_of(graph, ref)) is not None
    ]
    return list(dict.fromkeys(found))


def graphs(analysis: Analysis) -> Iterator[TypedGraph]:
    """The model, and the shared models that it calls."""
    if analysis.graph is not None:
        yield analysis.graph
    inside = [call.inside for call in analysis.calls if call.inside is not None]
    yield from {id(one): one for one in inside}.values()


def _refs(graph: TypedGraph) -> Iterator[Ref]:
    for call in graph.graph.calls:
        if call.use.sources is not None:  # otherwise the place is the kind of the entry
            yield from call.refs()
    yield from graph.graph.outputs.values()


def type_of(graph: TypedGraph, ref: Ref) -> Tensor | None:
    """The type of a tensor; None if it is not known."""
    if ref.producer in graph.inputs:
        return graph.inputs[ref.producer]
    call = graph.by_name.get(ref.producer)
    if call is None or not call.outputs:
        return None
    if ref.output is None:
        return call.outputs[0]
    if ref.output in call.output_names:
        return call.outputs[call.output_names.index(ref.output)]
    index = int(ref.output) if ref.output.isdigit() else -1
    return call.outputs[index] if 0 <= index < len(call.outputs) else None
