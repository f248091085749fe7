"""A mask that ends before a layer that would use it."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .graph_walk import layer_of
from .mask_propagation import LostMask


def check(case: Case) -> None:
    """Every mask that is lost on its way to a layer that leaves padding out; each loss once."""
    for found in case.masks.lost:
        made, lost, user = found.mask.made, found.lost, found.user
        why, help = _reason(found)
        case.report.warning(
            "MS540",
            f"the mask of `{made.name}` ends at `{lost.name}`: {why}, so `{user.name}` takes"
            " padding for data",
            lost.call.use.kind_span,
            notes=[
                Note(f"`{made.name}` makes it", made.call.use.kind_span),
                Note(f"`{user.name}` would use it", user.call.use.kind_span),
            ],
            help=help,
        )


def _reason(found: LostMask) -> tuple[str, str]:
    """Why there is no mask any more, and what helps."""
    without, made = found.mask.without, found.mask.made.name
    if without:
        return (
            f"`{without}`, which it takes too, has none",
            f"give `{without}` a mask of the same steps, or leave `{made}` without one",
        )
    layer = layer_of(found.lost)
    kind = layer.kind() if layer is not None else found.lost.kind
    return (
        f"`{kind}` hands no mask on",
        f"put `{found.lost.name}` where no mask is, or leave `{made}` without one",
    )
