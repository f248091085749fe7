"""A sweep without anything to search."""

from __future__ import annotations

from ..case import Case


def check(case: Case) -> None:
    """Check that the sweep has parameters, or folds."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or sweep.is_search or sweep.folds:
        return
    case.report.error(
        "MS900",
        "`sweep` has no parameters",
        sweep.span_of("parameters"),
        help="write e.g. `parameters: {training.batch_size: [16, 32, 64]}`",
    )
