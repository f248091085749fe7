"""A layer without a gradient after trained weights."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Span
from modelspec.core.dtypes import is_float

from ..graph import Ref
from ..infer import TypedCall, TypedGraph
from ..infer.objective_terms import type_of
from ..infer.shared import nested
from .case import Case
from .graph_walk import layer_of, setting_span


def check(case: Case) -> None:
    """Check every call that a loss depends on, each shared layer once."""
    if case.typed is None or not case.layers.stating("without_gradient"):
        return
    names = {case.typed.graph.outputs[one.head.output].producer for one in case.trained}
    reported: set[int] = set()
    for call, setting in _without_gradient(case.typed, names, set()):
        if id(call.call) in reported:
            continue
        reported.add(id(call.call))
        case.report.error(
            "MS436",
            f"TensorFlow has no gradient for `{call.name}` with this `{setting}`: the layers"
            " before it cannot be trained",
            _span(call, setting),
            help=f"use another `{setting}`, or freeze the layers before it",
        )


def _without_gradient(
    typed: TypedGraph, names: set[str], trained: set[str]
) -> Iterator[tuple[TypedCall, str]]:
    """The calls between a trained weight and the calls `names` for which TensorFlow has no
    gradient, each with the setting that is the reason. `trained` are the inputs of the graph that
    depend on a trained weight.
    """
    needed, trained = _before(typed, names), set(trained)
    for call in typed.layers:  # in order: the inputs of a call are before it
        after = any(ref.producer in trained for ref in call.call.refs())
        if call.name in needed:
            setting = _setting(call, typed) if after else None
            if setting is not None:
                yield call, setting
            if call.inside is not None:
                inputs = {
                    name
                    for name, item in (call.call.inputs or {}).items()
                    if any(ref.producer in trained for ref in _refs(item))
                }
                inner = {ref.producer for ref in call.inside.graph.outputs.values()}
                yield from _without_gradient(call.inside, inner, inputs)
        own = any(weight.trainable for weight in call.weights)
        if (after or own) and any(is_float(tensor.dtype) for tensor in call.outputs):
            trained.add(call.name)


def _span(call: TypedCall, setting: str) -> Span:
    """Where the setting is written; the layer, if it follows from the precision."""
    layer = layer_of(call)
    written = layer is not None and any(setting in one.model_fields_set for one in nested(layer))
    return (setting_span(call, setting) if written else None) or call.call.use.kind_span


def _refs(item: Ref | tuple[Ref, ...]) -> tuple[Ref, ...]:
    return (item,) if isinstance(item, Ref) else item


def _before(typed: TypedGraph, names: set[str]) -> set[str]:
    """The calls `names`, and all that they depend on."""
    found = set(names)
    for call in reversed(typed.layers):
        if call.name in found:
            found.update(ref.producer for ref in call.call.refs())
    return found


def _setting(call: TypedCall, typed: TypedGraph) -> str | None:
    """The setting for which TensorFlow has no gradient."""
    layer, first = layer_of(call), next(iter(call.call.refs()), None)
    x = type_of(first, typed) if first is not None else None
    if layer is None or x is None or not call.outputs:
        return None
    if layer.training_only and call.call.use.options.get("training") is False:
        return None
    found = (one.without_gradient(x, call.outputs[0]) for one in nested(layer))
    return next((setting for setting in found if setting is not None), None)
