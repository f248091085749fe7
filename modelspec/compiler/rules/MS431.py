"""A mask that cannot be multiplied with the losses of an output."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.shapes import show
from modelspec.core.source import locate

from .case import Case
from .loss_terms import unreduced
from .mask_results import Mask
from .trained_outputs import TrainedOutput
from .weighted_values import weighs_losses, with_batch


def check(case: Case) -> None:
    """Check every loss whose output has a mask with the number of axes that losses expect."""
    for one in case.trained:
        mask = case.masks.outputs.get(one.head.output)
        if mask is None or one.misfits or not mask.fits(mask.carrier_axes - 1):
            continue  # a mask with another number of axes: MS412
        if one.settings.keeps_examples(one.head.tensor.shape):  # otherwise MS595
            _check(case, one, mask)


def _check(case: Case, one: TrainedOutput, mask: Mask) -> None:
    values, weights = unreduced(one), with_batch(mask.shape)
    if values is None or weighs_losses(weights, values):
        return
    axis = locate(one.loss.node, (one.loss.written, "axis"))
    case.report.error(
        "MS431",
        f"the mask of output `{one.head.output}` is {show(weights)}, but `{one.loss.written}`"
        f" computes losses of shape {show(values)}",
        axis or one.loss.span,
        notes=[
            Note(f"`{mask.made.name}` creates the mask", mask.made.call.use.kind_span),
            Note("the output", one.head.span),
        ],
        help=f"{'leave `axis` out, or ' if axis else ''}insert a `Reshape` to the same shape"
        f" before the output, which drops the mask, or use `{mask.made.name}` without one",
    )
