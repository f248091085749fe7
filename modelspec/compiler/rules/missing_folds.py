"""Whether a search over all folds has none."""

from __future__ import annotations

from .case import Case


def lacks_folds(case: Case) -> bool:
    """Whether every trial is all folds of a split that has none (MS905)."""
    sweep = case.file.sweep if case.file is not None else None
    if case.file is None or sweep is None or not sweep.folds:
        return False
    if case.data is None:
        return "data" not in case.file.root.entries  # otherwise it has errors
    split = case.data.split
    return not case.data.split_in_error and (split is None or split.folds is None)
