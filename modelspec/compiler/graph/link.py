"""A model section to a graph: every name resolved, sub-models linked first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Checked, nearest

from ..spec.entries import Reference, Use
from ..spec.model_section import ModelSection, SharedLayer
from .call_arguments import arguments_of, check_options
from .graph import Call, Callee, Graph
from .scope import Scope
from .unused import report_unused

MAX_DEPTH = 100
"""Models that call one another in a chain."""


def link(section: ModelSection, *, broken: bool = False) -> Checked[Graph]:
    """Resolve the names of a model. References that lead nowhere are faults; the calls that need
    them stay in error.

    `broken`: the section has faults already, so that what nothing seems to use may only look so.
    """
    report = Collector()
    graph = _Linker(report, {}, frozenset(), broken).graph(section)
    return Checked(graph, report.diagnostics)


def interface(
    model: ModelSection | None, graph: Graph | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a model's inputs and outputs, those whose tensor is in error too; empty where they
    are not known.
    """
    if model is None or graph is None:
        return (), ()
    if model.outputs is None:
        return graph.input_names, tuple(graph.outputs)
    made = {*graph.input_names, *(call.name for call in graph.calls)}
    names = [public or _meant(ref, made) for public, ref in model.outputs]
    known = tuple(name for name in names if name is not None)
    return graph.input_names, known if len(known) == len(names) else ()


def _meant(reference: Reference | None, made: Iterable[str]) -> str | None:
    """The producer that a reference names, or was most likely meant to name."""
    return nearest(reference.text.partition(".")[0], made) if reference is not None else None


@dataclass
class _Linker:
    """Links one model. `outer` are the shared things of the models around it; `unfinished` those
    being defined.
    """

    report: Collector
    outer: Mapping[str, Callee]
    unfinished: frozenset[str]
    broken: bool

    def graph(self, section: ModelSection) -> Graph:
        shared = self._shared(section)
        scope = Scope(self.report, section)
        visible = {**self.outer, **shared}
        calls: list[Call] = []
        for use in section.uses:
            name = scope.name(use)
            calls.append(self._call(use, name, scope, visible))
            scope.define(name, use)
        outputs = scope.outputs(section, calls)
        depth = 1 + max(
            (call.callee.depth for call in calls if isinstance(call.callee, Graph)), default=0
        )
        graph = Graph(
            section.span,
            section.inputs,
            tuple(calls),
            outputs,
            section.trainable,
            shared,
            section.weights,
            depth,
        )
        if not self.broken and not self.report.has_errors:
            report_unused(graph, section, self.report)
        return graph

    def _shared(self, section: ModelSection) -> dict[str, Callee]:
        found: dict[str, Callee] = {}
        pending = frozenset(section.shared)
        for name, thing in section.shared.items():
            if isinstance(thing, SharedLayer):
                found[name] = thing.use.layer
            else:
                visible = {**self.outer, **found}
                unfinished = self.unfinished | pending - found.keys()
                found[name] = _Linker(self.report, visible, unfinished, self.broken).graph(thing)
        return found

    def _call(self, use: Use, name: str, scope: Scope, visible: Mapping[str, Callee]) -> Call:
        callee: Callee = use.layer
        if use.shared:
            if use.kind not in visible and use.kind in self.unfinished:
                self.report.error(
                    "MS314",
                    f"`{use.kind}` is not defined yet where it is called: a shared model cannot"
                    " call itself or one that is defined after it",
                    use.kind_span,
                    help="define what it calls before it, above in `shared`",
                )
            callee = visible.get(use.kind)
            if isinstance(callee, Graph) and callee.depth >= MAX_DEPTH:
                self.report.error(
                    "MS108", f"more than {MAX_DEPTH} models call one another here", use.kind_span
                )
                callee = None
        sources = scope.sources(use)
        inputs = (
            arguments_of(callee, sources, use, self.report)
            if callee is not None and sources is not None
            else None
        )
        if callee is not None:
            check_options(callee, use, self.report)
        return Call(name, use, callee, inputs, use.kind if use.shared else None)
