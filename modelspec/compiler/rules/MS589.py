"""An optimizer that does not support the dtype or the shape of a weight."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Gradient, Optimizer
from modelspec.core.shapes import Tensor
from modelspec.core.source import locate

from .case import Case
from .scaled_losses import scales_loss

HALF = ("float16", "bfloat16")


def check(case: Case) -> None:
    """Report the first such weight."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    if not isinstance(training.optimizer, Optimizer):
        return
    scales = scales_loss(case, training.optimizer)
    for one, gradient in case.optimized:
        scaled = scales and one.weight.dtype in HALF
        if not scaled and type(gradient).misfit is Gradient.misfit:
            continue
        weight = Tensor(one.weight.shape, one.weight.dtype)
        found = _misfit(gradient, one.path, weight, scaled=scaled)
        if found is not None:
            reason, help = found
            case.report.error(
                "MS589",
                f"`{gradient.kind()}` {reason}, so it cannot update the weight `{one.path}`,"
                f" which is {weight.dtype}",
                locate(training.node, ("optimizer",)) or training.span,
                help=help,
            )
            return


def _misfit(
    gradient: Gradient, path: str, weight: Tensor, *, scaled: bool
) -> tuple[str, str] | None:
    """Why an optimizer cannot update the weight, and how to avoid it; gradients of a `scaled` loss
    are in float32.
    """
    reason = gradient.misfit_if_scaled if scaled else None
    if reason is not None:
        return reason, "leave out `gradient_accumulation_steps`, or keep the weights in float32"
    reason = gradient.misfit(path, weight._replace(dtype="float32") if scaled else weight)
    if reason is not None:
        return reason, "use another optimizer, e.g. `Adam`, or train in float32"
    return None
