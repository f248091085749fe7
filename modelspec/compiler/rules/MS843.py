"""A term of an objective that reads a target which the data do not have, or a layer that is called
`target`.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Note, did_you_mean, listed, nearest

from ..spec.data_section import DataSection
from ..spec.objective_section import TARGET, Term
from .case import Case


def check(case: Case) -> None:
    """Check the names `target` and `target.NAME`."""
    if case.typed is None or case.fitting is None or not case.fitting.objective:
        return
    graph = case.typed.graph
    spans = {one.name: one.span for one in graph.inputs or ()}
    spans |= {one.name: one.use.name_span or one.use.kind_span for one in graph.calls}
    if TARGET in spans:
        case.report.error(
            "MS843",
            f"`{TARGET}` is reserved beside an `objective`: its terms read targets as"
            f" `{TARGET}.NAME`",
            spans[TARGET],
            help="give the layer another `name`",
        )
    for term in case.fitting.objective.values() if case.data is not None else ():
        assert case.data is not None
        _check_targets(case, case.data, term)


def _check_targets(case: Case, data: DataSection, term: Term) -> None:
    for name, target in term.targets.items():
        if ("targets", target) in data.spans or _by_default(case, data, target):
            continue
        known = tuple(data.targets or ())
        near = nearest(target, known)
        case.report.error(
            "MS843",
            f"the term `{term.name}` reads `{TARGET}.{target}`, but `data.targets` has no entry"
            f" `{target}`",
            term.references[name].span,
            suggestion=f"{TARGET}.{near}" if near else None,
            notes=[Note("the data", data.span)],
            help=did_you_mean(
                f"{TARGET}.{near}" if near else None,
                f"the targets are {listed(known)}"
                if known
                else f"add `targets: {{{target}: {{column: ...}}}}` to `data`",
            ),
        )


def _by_default(case: Case, data: DataSection, target: str) -> bool:
    """Whether the source has a target of its own for this output."""
    source = data.sources.get("train")
    outputs = case.fitting.outputs if case.fitting is not None else ()
    if data.targets is not None or outputs != (target,):
        return False
    return source is None or source.own_target
