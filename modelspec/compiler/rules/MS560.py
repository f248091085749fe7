"""A metric that reads outputs as class indices, on an output of scores."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Report `sparse_y_pred: true`, the Keras default, with several units."""
    for one in case.metrics:
        if not getattr(one.settings, "sparse_y_pred", False) or not one.head.several_units:
            continue
        case.report.error(
            "MS560",
            f"`{one.metric.written}` expects class indices as outputs, but output"
            f" `{one.head.output}` has {one.head.units} scores",
            one.metric.span,
            notes=[Note("the output", one.head.span)],
            help="write `sparse_y_pred: false`: the highest score is the class",
        )
