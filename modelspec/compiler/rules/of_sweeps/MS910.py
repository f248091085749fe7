"""A sweep that never ends."""

from __future__ import annotations

from ..case import Case


def check(case: Case) -> None:
    """Check that a search other than a grid has an end."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or not sweep.is_search or sweep.is_grid:
        return
    if sweep.trials is None and sweep.timeout is None and sweep.patience is None:
        case.report.error(
            "MS910",
            f"the sweep never ends: `{sweep.sampler}` has no last trial",
            sweep.span_of("sampler"),
            help="add `trials: 40`, `timeout: 2 hours` or `patience: 15`",
        )
