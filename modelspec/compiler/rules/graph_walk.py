"""Functions to walk a typed graph, shared by several rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import Span
from modelspec.core.source import locate

from ..graph import Ref
from ..infer import TypedCall, TypedGraph


def distinct(
    typed: TypedGraph, seen: set[int] | None = None, *, running: bool = False
) -> Iterator[TypedGraph]:
    """The graph and the graphs inside its calls, each once; with `running`, only inside calls that
    an output depends on.
    """
    seen = set() if seen is None else seen
    if id(typed) in seen:
        return
    seen.add(id(typed))
    yield typed
    for call in typed.alive if running else typed.layers:
        if call.inside is not None:
            yield from distinct(call.inside, seen, running=running)


def by_name(typed: TypedGraph) -> Mapping[str, TypedCall]:
    return typed.by_name


def layer_of(call: TypedCall) -> Layer | None:
    """The layer that is called; None for a sub-model."""
    return call.call.callee if isinstance(call.call.callee, Layer) else None


def producer(call: TypedCall, calls: Mapping[str, TypedCall]) -> TypedCall | None:
    """The call that makes the first tensor of another; None for an input, or a list of tensors."""
    ref = next(iter((call.call.inputs or {}).values()), None)
    return calls.get(ref.producer) if isinstance(ref, Ref) else None


def setting_span(call: TypedCall, name: str, *, whole: bool = False) -> Span | None:
    """Where a setting of the called layer is written."""
    body = call.call.use.body
    return locate(body, (name,), whole=whole) if body is not None else None
