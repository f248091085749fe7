"""All folds of a split that has none."""

from __future__ import annotations

from ..case import Case
from ..missing_folds import lacks_folds


def check(case: Case) -> None:
    """Check that the split has folds, if every trial is all of them."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is not None and lacks_folds(case):
        case.report.error(
            "MS905",
            "`data.split` has no folds",
            sweep.folds_span or sweep.span,
            help="write `split: {folds: 5}` in `data`",
        )
