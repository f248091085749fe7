"""A target of one column or several columns with a loss that expects the other."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .trained_outputs import Target, TrainedOutput


def check(case: Case) -> None:
    """Check every target of single values whose head fits its loss."""
    for one in case.trained:
        if one.target is None or one.columns is None:
            continue
        if one.settings.targets == "indices" and one.columns > 1:
            _several_numbers(case, one, one.target)
        elif one.settings.targets == "one_hot" and one.columns == 1:
            _one_number(case, one, one.target)


def _several_numbers(case: Case, one: TrainedOutput, target: Target) -> None:
    case.report.error(
        "MS516",
        f"`{one.loss.written}` expects a class index, but the target of `{one.head.output}` has "
        f"{len(target.feature.names)} columns",
        target.span or one.loss.span,
        notes=[Note("the loss", one.loss.span)],
        help=(
            "use `categorical_crossentropy` if the columns are one-hot, or name the single column"
            " of class indices"
        ),
    )


def _one_number(case: Case, one: TrainedOutput, target: Target) -> None:
    case.report.error(
        "MS516",
        f"`{one.loss.written}` expects one-hot targets, but the target of `{one.head.output}` is"
        " the "
        f"single column `{target.feature.names[0]}`",
        one.loss.span,
        notes=[Note("the target", target.span or one.loss.span)],
        suggestion="sparse_categorical_crossentropy" if one.written_as_name else None,
        help="use `sparse_categorical_crossentropy` for class indices",
    )
