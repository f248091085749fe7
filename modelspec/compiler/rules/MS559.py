"""A metric of the k highest outputs on an output of at most k units."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Report top-k metrics that always contain the right class."""
    for one in case.metrics:
        highest = getattr(one.settings, "k", None)
        units = one.head.units
        if not one.head.several_units or not isinstance(highest, int) or not isinstance(units, int):
            continue
        if highest >= units:
            case.report.warning(
                "MS559",
                f"`{one.metric.written}` is always 1: output `{one.head.output}` has {units} units,"
                f" and the right class is among the {highest} highest of them",
                one.metric.span,
                notes=[Note("the output", one.head.span)],
                help=f"write a `k` below {units}",
            )
