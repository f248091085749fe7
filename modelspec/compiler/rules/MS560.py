"""A metric that reads outputs as class numbers, on an output of scores."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """`sparse_y_pred: true`, the default of Keras, beside several units."""
    for one in case.measured:
        if not getattr(one.settings, "sparse_y_pred", False) or not one.several_units:
            continue
        case.report.error(
            "MS560",
            f"`{one.metric.written}` takes class numbers for outputs, but output"
            f" `{one.head.output}` gives {one.head.units} scores",
            one.metric.span,
            notes=[Note("the output", one.head.span)],
            help="write `sparse_y_pred: false`: the highest score is the class",
        )
