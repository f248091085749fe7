"""A sampler or a pruner that does not work with the objectives or the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.catalog.components import SAMPLERS

from ...spec.expect_section import PREFIXES, Expectation
from ...spec.slice_names import MARK
from ..case import Case

if TYPE_CHECKING:
    from ...spec.sweep_section import Objective, Sweep


def check(case: Case) -> None:
    """Check the sampler and the pruner."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or not sweep.is_search or not sweep.objectives:
        return
    sampler = SAMPLERS.find(sweep.sampler)
    if len(sweep.objectives) > getattr(sampler, "objectives", 2):
        message = f"`{sweep.sampler}` optimizes one objective, found {len(sweep.objectives)}"
        help = "use `nsga2`, `tpe`, `random` or `grid`"
        case.report.error("MS907", message, sweep.span_of("sampler"), help=help)
    elif getattr(sampler, "numbers_only", False) and not _has_ranges(sweep):
        message = f"`{sweep.sampler}` searches ranges of numbers, and all parameters are lists"
        help = "write ranges, e.g. `{uniform: [0, 0.5]}`, or use `tpe`"
        case.report.error("MS907", message, sweep.span_of("sampler"), help=help)
    if sweep.pruner is not None:
        _check_pruner(case, sweep, sweep.pruner)


def _has_ranges(sweep: Sweep) -> bool:
    return any(one.kind != "values" for one in sweep.parameters)


def _check_pruner(case: Case, sweep: Sweep, pruner: str) -> None:
    if len(sweep.objectives) > 1:
        message = f"`{pruner}` compares trials by one objective, found {len(sweep.objectives)}"
        help = "remove `pruner`, or one of the objectives"
        case.report.error("MS907", message, sweep.span_of("pruner"), help=help)
        return
    objective = sweep.objectives[0]
    if case.training is not None and not _is_logged(case, objective):
        message = f"`{pruner}` compares trials after each epoch, when `{objective.key}` is unknown"
        help = "use a `val_` or `train_` metric as the objective, or remove `pruner`"
        case.report.error("MS907", message, sweep.span_of("pruner"), help=help)


def _is_logged(case: Case, objective: Objective) -> bool:
    """Whether a quantity has a value after each epoch."""
    one = Expectation(objective.key, (), None, objective.span)
    if case.quantities.find(one) is None:
        return True  # reported as an unknown quantity
    logged = one.metric in case.quantities.metrics and MARK not in objective.key
    return logged and one.part in (PREFIXES["train_"], PREFIXES["val_"])
