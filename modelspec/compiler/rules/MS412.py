"""A mask with another number of axes than what it comes to can use."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .mask_propagation import Mask, UnfitMask


def check(case: Case) -> None:
    """Keras hands a mask on as it is, also where a layer takes away the axes that it is of."""
    for found in case.masks.unfit:
        _layer(case, found)
    for one in case.trained:
        mask = case.masks.outputs.get(one.head.output)
        if mask is not None and not mask.fits(mask.carrier_axes - 1):
            case.report.error(
                "MS412",
                f"output `{one.head.output}` comes with the mask of `{mask.made.name}`, of"
                f" {_axes(mask)}, and its loss takes one of {mask.carrier_axes - 1}",
                one.head.call.call.use.kind_span,
                notes=[_made(mask), Note("the loss", one.loss.span)],
                help=_help(mask),
            )


def _layer(case: Case, found: UnfitMask) -> None:
    mask, user = found.mask, found.user
    case.report.error(
        "MS412",
        f"the mask of `{mask.made.name}` has {_axes(mask)}, but `{user.name}` takes one of"
        f" {found.wanted}, and fails",
        user.call.use.kind_span,
        notes=[_made(mask)],
        help=_help(mask),
    )


def _made(mask: Mask) -> Note:
    return Note(f"`{mask.made.name}` makes it", mask.made.call.use.kind_span)


def _axes(mask: Mask) -> str:
    return f"{mask.axes} axes" if mask.axes != 1 else "1 axis"


def _help(mask: Mask) -> str:
    return (
        "put a `Reshape` to the same shape before, which ends the mask, or leave"
        f" `{mask.made.name}` without one"
    )
