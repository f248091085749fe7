"""A metric of numbers with targets that are class indices."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check metrics of several units with one class index: broadcasting gives a wrong result."""
    for one in case.measured:
        if one.settings is None or one.settings.takes != "numbers" or not one.several_units:
            continue
        if one.loss_settings.targets != "indices":
            continue
        case.report.error(
            "MS550",
            f"`{one.metric.written}` compares each unit with its own number, but the targets"
            f" of output `{one.head.output}` are class indices",
            one.metric.span,
            notes=[Note("expected by the loss", one.loss.span)],
            help="use a metric for class indices: `accuracy`, `sparse_top_k_categorical_accuracy`",
        )
