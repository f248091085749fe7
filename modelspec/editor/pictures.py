"""The picture of a model, and the lines of the layers in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from modelspec.compiler.infer.typed_graph import TypedCall, TypedGraph
from modelspec.core.diagnostics.derived import causes_of
from modelspec.views.picture import picture

from .analysis import Analysis
from .tensors import graphs, type_of

_NAMES: Final = re.compile(r'data-layer="([^"]*)"')
MOST: Final = 1_000
"""The most layers of a picture; a larger one takes too long to draw while somebody types."""


def drawn(analysis: Analysis) -> dict[str, Any]:
    """The picture as the client shows it: `svg`, or a `message` where there is none; `layers` are
    the names that the picture has as `data-layer`, with the lines (from 0) of their entries.
    """
    name = analysis.compiled.name if analysis.compiled is not None else ""
    graph = analysis.graph
    message = _missing(analysis, graph)
    if graph is None or message:
        return {"name": name, "svg": None, "message": message, "layers": []}
    svg = picture(name, graph, "svg").decode()
    shown = set(_NAMES.findall(svg))
    lines = {one for one in _lines(analysis, graph, "") if escape(one[1]) in shown}
    layers = [{"name": key, "line": line} for line, key in sorted(lines)]
    return {"name": name, "svg": svg, "message": "", "layers": layers}


def _missing(analysis: Analysis, graph: TypedGraph | None) -> str:
    """Why the model is not drawn."""
    if graph is None:
        return "The model cannot be read yet."
    if not graph.layers or not all(map(_is_typed, graphs(analysis))):
        return "The model has errors."
    if graph.depth_first_calls > MOST:
        return f"The model has more than {MOST:,} layers: `modelspec show --picture` draws it."
    return ""


def _is_typed(graph: TypedGraph) -> bool:
    """Whether every layer and every output of a graph has a type."""
    refs = graph.graph.outputs.values()
    return graph.is_whole and all(type_of(graph, ref) is not None for ref in refs)


def _lines(analysis: Analysis, graph: TypedGraph, prefix: str) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for call in graph.layers:
        key = f"{prefix}{call.name}"
        for line in _lines_of(analysis, call):
            yield line, key
        if call.inside is not None and call.shared is not None and call.shared not in seen:
            seen.add(call.shared)
            yield from _lines(analysis, call.inside, f"{key}/")


def _lines_of(analysis: Analysis, call: TypedCall) -> Iterator[int]:
    """The line of the entry of a layer, and those of the uses of the blocks around it."""
    span = call.call.use.kind_span
    for place in (span, *(one.span for one in causes_of(span))):
        if analysis.is_here(place):
            yield analysis.lines.number(place.start)
