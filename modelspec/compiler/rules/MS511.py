"""A softmax of one unit."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """Check every output with a loss for classes, or for a yes or no."""
    for one in case.trained:
        if "softmax of one" in one.misfits:
            case.report.error(
                "MS511",
                f"the softmax of `{one.head.call.name}` has one unit, so it is always 1",
                one.head.span,
                suggestion="sigmoid",
                help="use `activation: sigmoid` for a yes or no, or one unit for each class",
            )
