"""A mask of steps that reaches a layer which expects a mask of single values."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from ..infer import TypedCall
from .case import Case


def check(case: Case) -> None:
    """Keras passes the mask (batch, steps) to the layer, which applies it to the last axes of its
    input: the shapes do not match.
    """
    for found in case.masks.misread:
        made, user = found.mask.made, found.user
        case.report.error(
            "MS542",
            f"the mask of `{made.name}` marks steps, but `{user.name}` expects a mask of"
            " single values",
            user.call.use.kind_span,
            notes=[Note(f"`{made.name}` creates the mask", made.call.use.kind_span)],
            help=(
                "write `Activation: softmax`, which ignores the mask"
                if _along_last(user)
                else "use an `Expression` with `softmax`, which drops the mask"
            ),
        )


def _along_last(call: TypedCall) -> bool:
    """Whether it computes along the last axis."""
    return getattr(call.call.callee, "axis", -1) in (-1, 2)
