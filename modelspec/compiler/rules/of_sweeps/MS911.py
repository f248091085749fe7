"""A key of a sweep without an effect: there are no parameters to search."""

from __future__ import annotations

from typing import Final

from ..case import Case

_OF_A_SEARCH: Final = ("objective", "trials", "timeout", "patience", "sampler", "pruner")


def check(case: Case) -> None:
    """Check that a plain cross-validation has no keys of a search."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or sweep.is_search or not sweep.folds:
        return
    for key in _OF_A_SEARCH:
        if key in sweep.spans:
            case.report.error(
                "MS911",
                f"`{key}` has no effect: the sweep has no parameters besides the folds",
                sweep.spans[key],
                help=f"remove `{key}`, or add parameters",
            )
