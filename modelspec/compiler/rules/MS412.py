"""A mask with a number of axes that its consumer does not accept."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .mask_propagation import UnfitMask
from .mask_results import Mask


def check(case: Case) -> None:
    """Keras propagates a mask unchanged, even past a layer that removes the masked axes."""
    for found in case.masks.unfit:
        _layer(case, found)
    for one in case.trained:
        mask = case.masks.outputs.get(one.head.output)
        if mask is not None and not mask.fits(mask.carrier_axes - 1):
            case.report.error(
                "MS412",
                f"output `{one.head.output}` has the mask of `{mask.made.name}`, with"
                f" {_axes(mask)}, but its loss expects a mask with {mask.carrier_axes - 1}",
                one.head.call.call.use.kind_span,
                notes=[_made(mask), Note("the loss", one.loss.span)],
                help=_help(mask),
            )


def _layer(case: Case, found: UnfitMask) -> None:
    mask, user = found.mask, found.user
    case.report.error(
        "MS412",
        f"the mask of `{mask.made.name}` has {_axes(mask)}, but `{user.name}` expects a mask"
        f" with {found.wanted}",
        user.call.use.kind_span,
        notes=[_made(mask)],
        help=_help(mask),
    )


def _made(mask: Mask) -> Note:
    return Note(f"`{mask.made.name}` creates the mask", mask.made.call.use.kind_span)


def _axes(mask: Mask) -> str:
    return f"{mask.axes} axes" if mask.axes != 1 else "1 axis"


def _help(mask: Mask) -> str:
    return (
        "insert a `Reshape` to the same shape before it, which drops the mask, or use"
        f" `{mask.made.name}` without one"
    )
