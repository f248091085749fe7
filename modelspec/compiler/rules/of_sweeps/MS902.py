"""A grid over a range of numbers without a step."""

from __future__ import annotations

from ..case import Case


def check(case: Case) -> None:
    """Check that every parameter of a grid has listed values."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or not sweep.is_grid:
        return
    for one in sweep.parameters:
        if one.is_continuous:
            step = f"`step: {(one.high - one.low) / 4:.3g}`"
            add = "list its values" if one.log else f"add {step}, or list its values"
            case.report.error(
                "MS902",
                f"a grid requires listed values, and `{one.path}` is a range without a step",
                one.span,
                help=f"{add}, or use another `sampler`",
            )
