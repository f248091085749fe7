"""What several replicas do not support, for runs whose number of replicas `check` cannot know."""

from __future__ import annotations

from modelspec.compiler.infer.objective_terms import ResolvedTerm
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.graph_walk import distinct
from modelspec.compiler.rules.several_devices import (
    asks_for_xla,
    is_stateful,
    jit_help,
    stateful_help,
    term_help,
)
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import locate

from ..data.errors import RunError


def require_supported(compiled: Compiled) -> None:
    """Raises `RunError` (MS932) with the `stateful` layers of a spec."""
    assert compiled.graph is not None
    found = [
        Diagnostic(
            "MS932",
            "error",
            f"`{call.name}` is `stateful`, which several devices do not support",
            call.call.use.kind_span,
            help=stateful_help(),
        )
        for graph in distinct(compiled.graph)
        for call in graph.layers
        if is_stateful(call)
    ]
    if found:
        raise RunError(found)


def without_effect(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """Warnings (MS933) about settings that several replicas ignore, except those that `check`
    reports.
    """
    file = compiled.file
    if file.runtime.has_several_devices or not asks_for_xla(file.runtime):
        return ()
    message = "`jit: true` has no effect: the steps of several replicas are not compiled with XLA"
    place = locate(file.root, ("runtime", "jit"), key=True)
    return (Diagnostic("MS933", "warning", message, place, help=jit_help()),)


def require_for_each_example(one: ResolvedTerm, *, divided: bool) -> None:
    """Raises `RunError` (MS932) for a term with a gradient that is not `divided`: that has no value
    for each example, or mixes examples.
    """
    if divided:
        return
    message = (
        f"the term `{one.name}` contains a gradient and has no value for each example, which"
        " several devices do not support"
    )
    raise RunError([Diagnostic("MS932", "error", message, one.term.span, help=term_help())])
