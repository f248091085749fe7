"""A mask that is dropped before a layer that would use it."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .graph_walk import layer_of
from .mask_propagation import LostMask


def check(case: Case) -> None:
    """Report every mask that is dropped before a layer that skips padding; each drop once."""
    for found in case.masks.lost:
        made, lost, user = found.mask.made, found.lost, found.user
        why, help = _reason(found)
        case.report.warning(
            "MS540",
            f"the mask of `{made.name}` ends at `{lost.name}`: {why}, so `{user.name}` treats"
            " padding as data",
            lost.call.use.kind_span,
            notes=[
                Note(f"`{made.name}` creates the mask", made.call.use.kind_span),
                Note(f"`{user.name}` would use it", user.call.use.kind_span),
            ],
            help=help,
        )


def _reason(found: LostMask) -> tuple[str, str]:
    """Why the mask ends, and the fix."""
    without, made = found.mask.without, found.mask.made.name
    if without:
        return (
            f"its other input `{without}` has no mask",
            f"give `{without}` a mask of the same steps, or use `{made}` without a mask",
        )
    layer = layer_of(found.lost)
    kind = layer.kind() if layer is not None else found.lost.kind
    return (
        f"`{kind}` does not propagate masks",
        f"move `{found.lost.name}` before the mask is created, or use `{made}` without a mask",
    )
