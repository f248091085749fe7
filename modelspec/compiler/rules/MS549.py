"""A metric that compares units with each other on an output of one unit."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .measured_outputs import OutputMetric


def check(case: Case) -> None:
    """Check metrics of classes, and correlations and angles along the units."""
    refused = {one.head.output for one in case.trained if "one unit for classes" in one.misfits}
    for one in case.metrics:
        help = _help(one)
        if help is None or not one.head.one_unit or one.head.output in refused:
            continue
        case.report.error(
            "MS549",
            f"`{one.metric.written}` compares the units of an output with each other, but output"
            f" `{one.head.output}` has one unit",
            one.metric.span,
            notes=[Note("the output", one.head.span)],
            help=help,
        )


def _help(one: OutputMetric) -> str | None:
    """The replacement to suggest; None if one unit is enough for the metric."""
    if one.settings is None:
        return None
    if one.settings.along_units and getattr(one.settings, "axis", -1) == -1:
        return "give it `axis: 0` to compare the examples of a batch, or use `R2Score`"
    if one.settings.takes in ("indices", "one_hot"):
        return "use a metric for yes or no: `BinaryAccuracy`, `BinaryIoU`, `AUC`"
    return None
