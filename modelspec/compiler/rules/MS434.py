"""Metrics of an output without a loss that take different targets."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .measured_outputs import OutputMetric

_AS_WIDE = ("one_hot", "binary", "numbers")


def check(case: Case) -> None:
    """Check every output that is measured and not trained; for the others see MS523 and MS550."""
    if case.fitting is None:
        return
    by_output: dict[str, list[OutputMetric]] = {}
    for one in case.metrics:
        if one.head.output not in case.fitting.losses and one.settings is not None:
            by_output.setdefault(one.head.output, []).append(one)
    for output, metrics in by_output.items():
        indices = [one for one in metrics if one.settings and one.settings.takes == "indices"]
        others = [one for one in metrics if one.settings and one.settings.takes in _AS_WIDE]
        if not indices or not others or not metrics[0].head.several_units:
            continue
        case.report.error(
            "MS434",
            f"`{others[0].metric.written}` compares each unit of output `{output}` with its own"
            f" number, but `{indices[0].metric.written}` takes class indices",
            others[0].metric.span,
            notes=[Note("takes class indices", indices[0].metric.span)],
            help="use metrics for the same targets: `categorical_accuracy` takes one number for"
            " each unit, `sparse_categorical_accuracy` class indices",
        )
