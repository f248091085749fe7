"""A softmax, which selects one unit, with a loss that treats every unit separately."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check every output with a loss that treats each unit as a yes or no."""
    for one in case.trained:
        if "one choice for several" not in one.misfits:
            continue
        head, better = one.head, "sparse_categorical_crossentropy"
        case.report.error(
            "MS510",
            f"a softmax of {head.units} units is one choice among {head.units}, but "
            f"`{one.loss.written}` treats each unit as a separate yes or no",
            one.loss.span,
            notes=[Note(f"the softmax of `{head.call.name}`", head.span)],
            suggestion=better if one.written_as_name else None,
            help=(
                f"use `{better}` (targets are class numbers) or `categorical_crossentropy`"
                f" (one-hot), or give `{head.call.name}` `activation: sigmoid`"
            ),
        )
