"""Types along a chain of layers: the `transform` of a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelspec.catalog.layers.layer import Inputs, Layer
from modelspec.core.diagnostics import Checked, Diagnostic, Fault, Span
from modelspec.core.sections import located
from modelspec.core.shapes import Tensor

from ..graph import ANY_INPUT, Call, Graph, Ref
from ..spec.entries import Use
from ..spec.model_inputs import InputSpec
from .inference import infer
from .typed_graph import TypedGraph

_RESULT = "result"


def infer_chain(
    uses: Sequence[Use], layers: Sequence[Layer], given: Tensor, span: Span
) -> Checked[tuple[Tensor, ...] | None]:
    """The input type of each layer, then the type of the result; None, with faults, if the chain
    cannot run.

    `layers` are the actual settings, which may contain more than the spec (a vocabulary that was
    learned since).
    """
    named = tuple(_wrong_names(uses, layers))
    if named:
        return Checked(None, named)
    before = ANY_INPUT
    calls: list[Call] = []
    for index, (use, layer) in enumerate(zip(uses, layers, strict=True)):
        name = f"{index}_{use.kind}"
        calls.append(
            Call(
                name,
                use._replace(layer=layer),
                layer,
                {layer.arguments[0].name: Ref(before, None, use.kind_span)},
            )
        )
        before = name
    taken = InputSpec(ANY_INPUT, given.shape[1:], given.dtype, span)
    graph = Graph(span, (taken,), tuple(calls), {_RESULT: Ref(before, None, span)})
    checked = infer(graph, preparing=True)
    types = _types(checked.value, given)
    wrong = tuple(_across_examples(calls, types)) if types is not None else ()
    return Checked(None if wrong else types, (*checked.diagnostics, *wrong))


def _wrong_names(uses: Sequence[Use], layers: Sequence[Layer]) -> Iterator[Diagnostic]:
    """MS144 for each layer with a second input: in a chain, each layer takes the previous
    output.
    """
    for use, layer in zip(uses, layers, strict=True):
        try:
            layer.check_names((layer.arguments[0].name,))
        except Fault as fault:
            yield located(fault, use.body, use.kind_span)


def _across_examples(calls: Sequence[Call], types: Sequence[Tensor]) -> Iterator[Diagnostic]:
    """MS668 for each layer that combines several examples."""
    for call, x in zip(calls, types, strict=False):
        assert isinstance(call.callee, Layer)
        name = call.callee.arguments[0].name
        fault = call.callee.across_examples(Inputs({name: x}))
        if fault is not None:
            yield located(fault, call.use.body, call.use.kind_span)


def _types(typed: TypedGraph, given: Tensor) -> tuple[Tensor, ...] | None:
    if _RESULT not in typed.outputs:
        return None
    return (given, *(call.outputs[0] for call in typed.layers))
