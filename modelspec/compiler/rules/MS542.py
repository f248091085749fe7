"""A mask of steps that comes to a layer for masks of single entries."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..infer import TypedCall
from .case import Case


def check(case: Case) -> None:
    """Keras gives the layer the mask, (batch, steps), for one of the last axes of its input, which
    it cannot be.
    """
    for found in case.masks.misread:
        made, user = found.mask.made, found.user
        case.report.error(
            "MS542",
            f"the mask of `{made.name}` marks steps, but `{user.name}` takes it for a mask of"
            " single numbers, and fails",
            user.call.use.kind_span,
            notes=[Note(f"`{made.name}` makes it", made.call.use.kind_span)],
            help=(
                "write `Activation: softmax`, which leaves the mask alone"
                if _along_last(user)
                else "use an `Expression` with `softmax`, which ends the mask"
            ),
        )


def _along_last(call: TypedCall) -> bool:
    """Whether it computes along the last axis."""
    return getattr(call.call.callee, "axis", -1) in (-1, 2)
