"""What several devices cannot compute as one would."""

from __future__ import annotations

from ..infer.objective_terms import gradient_depth, term_type
from .case import Case
from .several_devices import is_stateful, stateful_help, term_help


def check(case: Case) -> None:
    """Check the layers and the terms of a run whose `runtime.devices` are several."""
    if case.file is None or case.training is None or not case.file.runtime.has_several_devices:
        return
    for graph in case.graphs:
        for call in graph.layers:
            if is_stateful(call):
                case.report.error(
                    "MS932",
                    f"`{call.name}` is `stateful`, which several devices do not support",
                    call.call.use.kind_span,
                    help=stateful_help(),
                )
    for one in case.objective:
        term = one.resolved.term
        if one.types is None or not gradient_depth(term.formula.root):
            continue
        found = term_type(term, one.types)
        if found.mixes_examples or not found.per_example:
            case.report.error(
                "MS932",
                f"the term `{term.name}` contains a gradient and has no value for each example,"
                " which several devices do not support",
                term.span,
                help=term_help(),
            )
