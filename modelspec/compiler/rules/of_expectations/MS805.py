"""`best`, `last` or `mean` of a quantity that has no value per epoch."""

from __future__ import annotations

from modelspec.core.source import plain

from ...spec.expect_section import Expectation
from ..case import Case


def check(case: Case) -> None:
    """Check every expectation over the epochs."""
    for expectation, quantity in case.expected:
        over = expectation.over
        if over is None or quantity is None or _is_over_folds(case, expectation):
            continue
        key, metric = expectation.key, expectation.metric
        why = None
        if expectation.part is None:
            why = f"`{key}` has one value per run"
        elif expectation.part == "test":
            why = f"`{key}` is measured once, when the run ends"
        elif expectation.slice is not None or metric not in case.quantities.metrics:
            why = f"`{key}` is measured only for the saved model"
        elif over == "best" and quantity.direction is None:
            why = f"it is not known whether a higher or a lower `{metric}` is better"
        elif any(one.of_baseline for one in expectation.comparisons):
            why = "the baseline contains results of the saved model, not of epochs"
        if why is not None:
            case.report.error(
                "MS805",
                f"`{over}` is not supported here: {why}",
                expectation.over_span,
                help=_help(key, expectation.text, over, direction=quantity.direction),
            )


def _is_over_folds(case: Case, expectation: Expectation) -> bool:
    """Whether the runs of all folds decide it together."""
    if case.file is None or "sweep" not in case.file.root.entries:
        return False
    from ...spec.fold_expectations import is_over_folds

    sweep = case.file.sweep
    if sweep is None:  # it has errors, or it is switched off
        written = plain(case.file.root.entries["sweep"].value)
        return written is not None and is_over_folds(expectation)
    return (
        sweep.folds
        and is_over_folds(expectation)
        and not any(one.of_baseline for one in expectation.comparisons)
    )


def _help(key: str, text: str, over: str, *, direction: str | None) -> str:
    if over == "best" and direction is None and key.startswith(("train_", "val_")):
        return f'write `{key}: {{last: "{text}"}}` or `{{mean: "{text}"}}`'
    return f'write `{key}: "{text}"`'
