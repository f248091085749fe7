"""A sweep that chooses by the test part."""

from __future__ import annotations

from ...spec.expect_section import Expectation
from ..case import Case


def check(case: Case) -> None:
    """Check that no objective is measured on the test part, unless it is a fold."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or sweep.folds or not sweep.is_search:
        return
    for one in sweep.objectives:
        wanted = Expectation(one.key, (), None, one.span)
        if wanted.part != "test" or case.quantities.find(wanted) is None:
            continue
        case.report.warning(
            "MS909",
            f"`{one.key}` chooses the best trial by the test part, which then no longer measures"
            " how it works on new data",
            one.span,
            help=f"write `val_{wanted.metric}`, or cross-validate: `data.split.fold: all`",
        )
