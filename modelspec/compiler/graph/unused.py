"""What nothing uses: dead layers, inputs that feed nothing, shared things that nothing calls."""

from __future__ import annotations

from modelspec.core.diagnostics import Collector

from ..spec.model_section import ModelSection
from .graph import Graph


def report_unused(graph: Graph, section: ModelSection, report: Collector) -> None:
    """Dead layers, inputs that nothing uses, shared things that nothing calls."""
    used = _used(graph)
    for one in section.inputs or ():
        if one.name not in used:
            help = f"take it with `from: {one.name}`, or remove it"
            report.error("MS308", f"nothing uses input `{one.name}`", one.span, help=help)
    for call in graph.calls:
        if call.name not in used:
            span = call.use.name_span or call.use.kind_span
            message = f"no output depends on `{call.name}`"
            report.warning("MS307", message, span, help="add it to `outputs`, or remove it")
    called = {call.shared for call in graph.calls} | _called_inside(graph)
    for name in section.shared_spans.keys() - called:
        help = f"call it with `- {name}`, or remove it"
        span = section.shared_spans[name]
        report.warning("MS313", f"nothing calls shared `{name}`", span, help=help)


def _used(graph: Graph) -> set[str]:
    """The inputs and calls that a call or an output takes."""
    alive = _alive(graph)
    dead = (call for call in graph.calls if call.name not in alive)
    return alive | {ref.producer for call in dead for ref in call.refs()}


def _alive(graph: Graph) -> set[str]:
    """The inputs and calls that an output depends on."""
    by_name = {call.name: call for call in graph.calls}
    found: set[str] = set()
    queue = [ref.producer for ref in graph.outputs.values()]
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
    for thing in graph.shared.values():
        if isinstance(thing, Graph):
            found |= {call.shared for call in thing.calls if call.shared} | _called_inside(thing)
    return found
