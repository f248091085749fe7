"""From a model section to a graph: all names are resolved, sub-models are linked first."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from modelspec.catalog.layers.layer import Layer
from modelspec.core.diagnostics import MOST, Checked, Collector, nearest
from modelspec.core.records import dataclass

from ..spec.entries import Reference, Use
from ..spec.model_section import ModelSection, SharedLayer
from .call_arguments import arguments_of, check_options
from .graph import Call, Callee, Graph
from .model_scope import ModelScope
from .unused import report_unused
from .wrapped_calls import are_alike, fits_wrapper, in_error

MAX_DEPTH = 100
"""The most models that may call one another in a chain."""


def link(
    section: ModelSection, *, broken: bool = False, kept: AbstractSet[str] = frozenset()
) -> Checked[Graph]:
    """Resolve the names of a model. Unresolved references are errors; the calls that use them
    become invalid.

    `broken`: the section already has errors, so that tensors may wrongly seem unused. `kept`: the
    tensors that a training reads besides the outputs, which are not unused.
    """
    report = Collector(MOST)
    graph = _Linker(report, ChainMap(), ChainMap(), broken, kept).graph(section)
    return Checked(graph, report.diagnostics)


def interface(
    model: ModelSection | None, graph: Graph | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the inputs and outputs of a model, including those with an invalid tensor; empty if
    they are unknown.
    """
    if model is None or graph is None:
        return (), ()
    inputs = () if "inputs" in model.unfinished else graph.input_names
    if "outputs" in model.unfinished:
        return inputs, ()
    if model.outputs is None:
        lost = bool(model.uses) and model.uses[-1].may_lack_name
        return inputs, () if lost else tuple(graph.outputs)
    made = {*graph.input_names, *(call.name for call in graph.calls)}
    names = [public or _meant(ref, made) for public, ref in model.outputs]
    known = tuple(name for name in names if name is not None)
    return inputs, known if len(known) == len(names) else ()


def _meant(reference: Reference | None, made: AbstractSet[str]) -> str | None:
    """The producer that a reference names, or most likely means."""
    if reference is None:
        return None
    name = reference.text.partition(".")[0]
    return name if name in made else nearest(name, made)


@dataclass
class _Linker:
    """Links one model. `outer` are the shared definitions of the models around it; `unfinished`
    those that are not complete. Both are views: a model in `shared` sees the earlier definitions,
    without copies.
    """

    report: Collector
    outer: ChainMap[str, Callee]
    unfinished: ChainMap[str, None]
    broken: bool
    kept: AbstractSet[str] = frozenset()

    def graph(self, section: ModelSection) -> Graph:
        shared = self._shared(section)
        scope = ModelScope(self.report, section)
        visible = self.outer.new_child(shared)
        calls: list[Call] = []
        for use in section.uses:
            name = scope.name(use)
            call = self._call(use, name, scope, visible)
            calls.append(call if are_alike(calls, call, self.report) else in_error(call))
            scope.define(name, use)
        outputs = scope.outputs(section, calls)
        graph = Graph(
            section.span,
            section.inputs,
            tuple(calls),
            outputs,
            section.trainable,
            shared,
            section.weights,
            section.averages,
            1 + max(_depths(calls), default=0),
            section.outputs is None or len(outputs) == len(section.outputs),
        )
        if not self.broken and not self.report.has_errors:
            report_unused(graph, section, self.report, self.kept)
        return graph

    def _shared(self, section: ModelSection) -> dict[str, Callee]:
        found: dict[str, Callee] = {}
        pending = dict.fromkeys(section.shared)
        visible, unfinished = self.outer.new_child(found), self.unfinished.new_child(pending)
        for name, one in section.shared.items():
            if isinstance(one, SharedLayer):
                found[name] = one.use.layer
            else:
                # The faults of a moving average are those of the model that it copies.
                report = Collector() if name in section.averages else self.report
                found[name] = _Linker(report, visible, unfinished, self.broken).graph(one)
            del pending[name]
        return found

    def _call(self, use: Use, name: str, scope: ModelScope, visible: ChainMap[str, Callee]) -> Call:
        callee = self._shared_callee(use, visible) if use.shared else use.layer
        if use.unfinished:
            callee = None
        if isinstance(callee, Layer) and callee.takes_no_tensor:
            sources = scope.any_batch(use)
        else:
            sources = scope.sources(use)
        shared = use.kind if use.shared else None
        if callee is None or not fits_wrapper(callee, use, self.report):
            return Call(name, use, None, None, shared)
        inputs = None if sources is None else arguments_of(callee, sources, use, self.report)
        check_options(callee, use, self.report)
        return Call(name, use, callee, inputs, shared)

    def _shared_callee(self, use: Use, visible: ChainMap[str, Callee]) -> Callee:
        """The definition of a shared name; None, with a report, if it cannot be called here."""
        if use.kind not in visible and use.kind in self.unfinished:
            self.report.error(
                "MS314",
                f"`{use.kind}` is called before it is defined: a shared model cannot call itself,"
                " or a model that is defined after it",
                use.kind_span,
                help="move the called definition up in `shared`, before its caller",
            )
        callee = visible.get(use.kind)
        if not isinstance(callee, Graph) or callee.depth < MAX_DEPTH:
            return callee
        self.report.error(
            "MS108", f"more than {MAX_DEPTH} models call one another here", use.kind_span
        )
        return None


def _depths(calls: Iterable[Call]) -> Iterator[int]:
    """The nesting depth of the models that are called."""
    return (call.callee.depth for call in calls if isinstance(call.callee, Graph))
