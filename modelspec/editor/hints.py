"""The shape and the parameters of each layer, at the end of its line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.compiler.infer.typed_graph import TypedCall, TypedGraph
from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import USES, causes_of
from modelspec.core.shapes import Size, product, total
from modelspec.core.source import Mapping
from modelspec.views.summary import common_dtype, type_text
from modelspec.views.summary.numbers import count, in_units

from .analysis import Analysis


class Hint(NamedTuple):
    """A text that is shown after a place of the text."""

    offset: int
    text: str
    tip: str = ""
    """Markdown."""


class _Part(NamedTuple):
    """What the hint of a line says about one place in it."""

    start: int
    text: str
    tip: str


def hints(
    analysis: Analysis, start: int = 0, end: int | None = None, cursor: int | None = None
) -> list[Hint]:
    """The hints of the lines between two offsets, in their order.

    A line that is used several times (in a block, a loop, a shared model) has the shape of one
    use: that at the line of the cursor, or the first.
    """
    graph = analysis.graph
    if graph is None:
        return []
    lines = analysis.lines
    first = lines.number(start)
    last = lines.number(len(lines.text) if end is None else end)
    near = None if cursor is None else lines.number(cursor)
    places = range(lines.starts[first], lines.end(last) + 1)
    by_line: dict[int, list[_Part]] = {}
    for part in _parts(analysis, graph, near, places):
        by_line.setdefault(lines.number(part.start), []).append(part)
    return [_hint(lines.end(line), sorted(by_line[line])) for line in sorted(by_line)]


def _hint(offset: int, parts: list[_Part]) -> Hint:
    tips = "\n\n".join(part.tip for part in parts)
    return Hint(offset, " | ".join(part.text for part in parts), tips)


def _parts(
    analysis: Analysis, graph: TypedGraph, near: int | None, places: range
) -> Iterator[_Part]:
    common = common_dtype(graph)
    counted = _first_calls(analysis)
    for start, calls in analysis.calls_by_place.items():
        if start in places:
            yield _of_layer(analysis, start, calls, near, common, counted)
    for start, uses in uses_by_place(analysis).items():
        if start in places and start not in analysis.calls_by_place:
            yield _of_use(start, uses, common, counted)
    model = _model_key(analysis)
    if model is not None and model.start in places:
        yield _Part(model.start, _totals(graph, common, counted), "the whole model")


# One layer ----------------------------------------------------------------------------------------


def _of_layer(
    analysis: Analysis,
    start: int,
    calls: list[TypedCall],
    near: int | None,
    common: str,
    counted: set[int],
) -> _Part:
    chosen, mark = calls[0], ""
    if len(calls) > 1:
        used = None if near is None else _used_on(analysis, calls, near)
        chosen = used or chosen
        which = "this" if used is not None else "first"
        mark = f" ({which} of {len(calls):,} uses)"
    text = _text(chosen, common, counted) + mark
    return _Part(start, text, _tip(chosen))


def _used_on(analysis: Analysis, calls: list[TypedCall], line: int) -> TypedCall | None:
    """The call that a use on the line leads to."""
    return next((one for one in calls if line in _lines_of_uses(analysis, one)), None)


def _lines_of_uses(analysis: Analysis, call: TypedCall) -> Iterator[int]:
    pending = list(causes_of(call.call.use.kind_span))
    while pending:
        cause = pending.pop()
        if analysis.is_here(cause.span):
            yield analysis.lines.number(cause.span.start)
        pending += causes_of(cause.span)


def choices(analysis: Analysis, cursor: int | None) -> list[int]:
    """Which use each line shows that is used several times."""
    near = None if cursor is None else analysis.lines.number(cursor)
    several = (calls for calls in analysis.calls_by_place.values() if len(calls) > 1)
    return [
        0 if near is None or (one := _used_on(analysis, calls, near)) is None else id(one)
        for calls in several
    ]


def _text(call: TypedCall, common: str, counted: set[int]) -> str:
    shape = ", ".join(type_text(tensor, common) for tensor in call.outputs)
    if id(call) not in counted:
        return f"{shape} · shared"
    number = count(parameters(call))
    return f"{shape} · {number}" if number else shape


def _tip(call: TypedCall) -> str:
    parts = [f"`{call.name}`: {call.kind}"]
    if call.weights:
        parts.append(f"{count(parameters(call))} parameters")
    if cost := in_units(call.multiply_adds):
        parts.append(f"{cost} multiply-adds")
    return ", ".join(parts)


def parameters(call: TypedCall) -> Size:
    """The number of parameters of a call, which may depend on unknown sizes."""
    return total(product(weight.shape) for weight in call.weights)


def _first_calls(analysis: Analysis) -> set[int]:
    """The calls whose weights are counted: of those that share weights, the first."""
    found: set[int] = set()
    owners: set[int] = set()
    for call in analysis.calls:
        if call.shared is not None:
            owner = id(call.call.callee)
            if owner in owners:
                continue
            owners.add(owner)
        found.add(id(call))
    return found


# The use of a block -------------------------------------------------------------------------------


def uses_by_place(analysis: Analysis) -> dict[int, dict[object, list[TypedCall]]]:
    """The layers that each use of a block or of an architecture consists of, by the offset of the
    use; several lists where the use is itself in a block that is used several times.
    """
    found: dict[int, dict[object, list[TypedCall]]] = {}
    for call in analysis.calls:
        causes = causes_of(call.call.use.kind_span)
        for at, cause in enumerate(causes):
            if cause.step in USES and analysis.is_here(cause.span):
                outer = tuple((one.message, one.span.start) for one in causes[at + 1 :])
                found.setdefault(cause.span.start, {}).setdefault(outer, []).append(call)
    return found


def _of_use(
    start: int, uses: dict[object, list[TypedCall]], common: str, counted: set[int]
) -> _Part:
    calls = next(iter(uses.values()))
    shape = ", ".join(type_text(tensor, common) for tensor in calls[-1].outputs)
    number = count(total(parameters(one) for one in calls if id(one) in counted))
    text = f"{shape} · {number}" if number else shape
    mark = f" (first of {len(uses):,} uses)" if len(uses) > 1 else ""
    return _Part(start, text + mark, f"{len(calls):,} layers, the last is `{calls[-1].name}`")


# The model ----------------------------------------------------------------------------------------


def _model_key(analysis: Analysis) -> Span | None:
    root = analysis.document.root if analysis.document is not None else None
    if not isinstance(root, Mapping) or "model" not in root.entries:
        return None
    return root.entries["model"].key_span


def _totals(graph: TypedGraph, common: str, counted: set[int]) -> str:
    if not graph.is_whole:
        known = total(parameters(one) for one in graph.layers if id(one) in counted)
        return f"{count(known) or 0} parameters in the layers without errors"
    parts = [f"{count(graph.parameters) or 0} parameters"]
    if cost := in_units(graph.flops):
        parts.append(f"{cost} multiply-adds")
    outputs = [type_text(tensor, common) for tensor in graph.outputs.values()]
    return " · ".join([*parts, *([f"output {', '.join(outputs)}"] if outputs else ())])
