"""A softmax, which chooses one, and a loss that takes every unit by itself."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Every output with a loss for units that are a yes or no each."""
    for one in case.trained:
        if "one choice for several" not in one.misfits:
            continue
        head, better = one.head, "sparse_categorical_crossentropy"
        case.report.error(
            "MS510",
            f"a softmax of {head.units} units is one choice among {head.units}, but "
            f"`{one.loss.written}` takes every unit as a yes or no of its own",
            one.loss.span,
            notes=[Note(f"the softmax of `{head.call.name}`", head.span)],
            suggestion=better if one.written_as_name else None,
            help=(
                f"use `{better}` (targets are class numbers) or `categorical_crossentropy`"
                f" (one-hot), or give `{head.call.name}` `activation: sigmoid`"
            ),
        )
