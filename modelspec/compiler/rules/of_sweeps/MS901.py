"""An objective that the runs of a sweep do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import did_you_mean, listed

from ...spec.expect_section import PREFIXES, Expectation
from ..case import Case

if TYPE_CHECKING:
    from ...spec.sweep_section import Objective


def check(case: Case) -> None:
    """Check the quantity of every objective."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or case.typed is None or case.file is None:
        return
    if case.training is None:
        if "training" not in case.file.root.entries and sweep.objectives:
            case.report.error(
                "MS901",
                "a sweep trains its trials, but the spec has no `training`",
                sweep.span,
                help="add `training` and `data`",
            )
        return
    for one in sweep.objectives:
        _check(case, one)


def _check(case: Case, objective: Objective) -> None:
    found = case.quantities
    wanted = Expectation(objective.key, (), None, objective.span)
    if found.find(wanted) is None:
        if found.may_be(wanted):
            return
        message = f"`{objective.key}` is not a quantity of the runs"
        near = found.nearest(wanted)
        alike = found.by_part.get(wanted.part, ()) if wanted.part else found.keys
        help = did_you_mean(near, f"available: {listed(alike)}")
    elif wanted.part is not None and _front(wanted) not in found.parts:
        message = f"`{objective.key}` is not measured: `data` has no {wanted.part} part"
        near = None
        help = f"add `split: {{{wanted.part}: 0.2}}` to `data`"
    else:
        return
    case.report.error("MS901", message, objective.span, suggestion=near, help=help)


def _front(wanted: Expectation) -> str:
    """The prefix of the part of a quantity."""
    return next((front for front, part in PREFIXES.items() if part == wanted.part), "")
