"""Reports unused layers, inputs, and shared layers and models."""

from __future__ import annotations

from collections.abc import Iterable

from modelspec.core.diagnostics import Collector
from modelspec.core.diagnostics.derived import origin_of

from ..spec.model_section import ModelSection
from .graph import Graph


def report_unused(
    graph: Graph, section: ModelSection, report: Collector, kept: Iterable[str] = ()
) -> None:
    """Layers that no output and none of the `kept` tensors depends on, unused inputs, and shared
    names that are never called. The layers of an architecture that a spec extends are not
    reported: its `outputs` choose among them.
    """
    used = _used(graph, kept)
    for one in section.inputs or ():
        if one.name not in used:
            help = f"use it with `from: {one.name}`, or remove it"
            report.error("MS308", f"input `{one.name}` is never used", one.span, help=help)
    for call in graph.calls:
        span = call.use.name_span or call.use.kind_span
        if call.name not in used and not origin_of(span).source.shipped:
            message = f"no output depends on `{call.name}`"
            report.warning("MS307", message, span, help="add it to `outputs`, or remove it")
    called = {call.shared for call in graph.calls} | _called_inside(graph)
    called |= {one.source for one in graph.averages.values()}  # MS536
    for name in section.shared_spans.keys() - called:
        help = f"call it with `- {name}`, or remove it"
        span = section.shared_spans[name]
        report.warning("MS313", f"shared `{name}` is never called", span, help=help)


def _used(graph: Graph, kept: Iterable[str]) -> set[str]:
    """The inputs and calls that a call or an output takes."""
    alive = _alive(graph, kept)
    dead = (call for call in graph.calls if call.name not in alive)
    return alive | {ref.producer for call in dead for ref in call.refs()}


def _alive(graph: Graph, kept: Iterable[str]) -> set[str]:
    """The inputs and calls that an output or a kept tensor depends on."""
    by_name = {call.name: call for call in graph.calls}
    found: set[str] = set()
    queue = [*(ref.producer for ref in graph.outputs.values()), *kept]
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            call = by_name.get(name)
            queue.extend(ref.producer for ref in (call.refs() if call else ()))
    return found


def _called_inside(graph: Graph) -> set[str]:
    """Shared names of this model that its own sub-models call."""
    found: set[str] = set()
    for one in graph.shared.values():
        if isinstance(one, Graph):
            found |= {call.shared for call in one.calls if call.shared} | _called_inside(one)
    return found
