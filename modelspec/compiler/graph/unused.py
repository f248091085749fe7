"""What nothing uses: dead layers, inputs that feed nothing, shared things that nothing calls."""

from __future__ import annotations

from modelspec.core.collector import Collector

from ..spec.model_section import ModelSection
from .graph import Graph


def report_unused(graph: Graph, section: ModelSection, report: Collector) -> None:
    """Dead layers, inputs that nothing uses, shared things that nothing calls."""
    by_name = {call.name: call for call in graph.calls}
    alive: set[str] = set()
    queue = [ref.producer for ref in graph.outputs.values()]
    while queue:
        name = queue.pop()
        if name in alive:
            continue
        alive.add(name)
        if name in by_name:
            queue.extend(ref.producer for ref in by_name[name].refs())
    used = {ref.producer for call in graph.calls for ref in call.refs()}
    for one in section.inputs or ():
        if one.name not in alive and one.name not in used:
            report.error(
                "MS308",
                f"nothing uses input `{one.name}`",
                one.span,
                help=f"take it with `from: {one.name}`, or remove it",
            )
    for call in graph.calls:
        if call.name not in alive and call.name not in used:
            report.warning(
                "MS307",
                f"no output depends on `{call.name}`",
                call.use.name_span or call.use.kind_span,
                help="add it to `outputs`, or remove it",
            )
    called = {call.shared for call in graph.calls} | _called_inside(graph)
    for name, span in section.shared_spans.items():
        if name not in called:
            report.warning(
                "MS313",
                f"nothing calls shared `{name}`",
                span,
                help=f"call it with `- {name}`, or remove it",
            )


def _called_inside(graph: Graph) -> set[str]:
    """Shared names of this model that its own sub-models call."""
    found: set[str] = set()
    for thing in graph.shared.values():
        if isinstance(thing, Graph):
            found |= {call.shared for call in thing.calls if call.shared} | _called_inside(thing)
    return found
