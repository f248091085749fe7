"""All folds of a split that has none."""

from __future__ import annotations

from ..case import Case


def check(case: Case) -> None:
    """Check that the split has folds, if every trial is all of them."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or not sweep.folds or (case.data is not None and case.data.split_in_error):
        return
    split = case.data.split if case.data is not None else None
    if case.file is not None and case.data is None and "data" in case.file.root.entries:
        return  # it has errors
    if split is None or split.folds is None:
        case.report.error(
            "MS905",
            "`data.split` has no folds",
            sweep.folds_span or sweep.span,
            help="write `split: {folds: 5}` in `data`",
        )
