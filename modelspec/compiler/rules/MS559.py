"""A metric of the k highest outputs, where there are no more than k."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """The right class is always among them."""
    for one in case.measured:
        highest = getattr(one.settings, "k", None)
        units = one.head.units
        if not one.several_units or not isinstance(highest, int) or not isinstance(units, int):
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
