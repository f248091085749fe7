"""An objective that prefers the worse runs."""

from __future__ import annotations

from ...spec.expect_section import Expectation
from ..case import Case


def check(case: Case) -> None:
    """Check the direction of every objective against that of its metric."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or case.training is None or case.typed is None:
        return
    for one in sweep.objectives:
        quantity = case.quantities.find(Expectation(one.key, (), None, one.span))
        if quantity is None or quantity.direction is None:
            continue
        if one.maximize == (quantity.direction == "up"):
            continue
        given, right = ("maximize", "minimize") if one.maximize else ("minimize", "maximize")
        better = "lower" if one.maximize else "higher"
        case.report.warning(
            "MS908",
            f"the sweep prefers worse runs: a {better} `{one.key}` is better",
            one.span,
            help=f"write `{right}` for `{given}`",
        )
