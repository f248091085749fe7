"""Targets of one column or of several, and a loss that takes the other."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .trained_outputs import Target, TrainedOutput


def check(case: Case) -> None:
    """Every target of single values, where the head is what its loss takes."""
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
        f"`{one.loss.written}` takes one class number, but the target of `{one.head.output}` has "
        f"{len(target.feature.names)} columns",
        target.span or one.loss.span,
        notes=[Note("the loss", one.loss.span)],
        help=(
            "use `categorical_crossentropy` if they are a one-hot code, or name the one column"
            " of class numbers"
        ),
    )


def _one_number(case: Case, one: TrainedOutput, target: Target) -> None:
    case.report.error(
        "MS516",
        f"`{one.loss.written}` takes a one-hot code, but the target of `{one.head.output}` is the "
        f"one column `{target.feature.names[0]}`",
        one.loss.span,
        notes=[Note("the target", target.span or one.loss.span)],
        suggestion="sparse_categorical_crossentropy" if one.written_as_name else None,
        help="use `sparse_categorical_crossentropy` for class numbers",
    )
