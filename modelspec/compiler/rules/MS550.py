"""A metric of numbers, and targets that are class numbers."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """One class number and several units: the shapes would be broadcast to something else."""
    for one in case.measured:
        if one.settings is None or one.settings.takes != "numbers" or not one.several_units:
            continue
        if one.loss_settings.targets != "indices":
            continue
        case.report.error(
            "MS550",
            f"`{one.metric.written}` compares every unit with a number of its own, but the targets"
            f" of output `{one.head.output}` are class numbers",
            one.metric.span,
            notes=[Note("as its loss has them", one.loss.span)],
            help="use a metric for class numbers: `accuracy`, `sparse_top_k_categorical_accuracy`",
        )
