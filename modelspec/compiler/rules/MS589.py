"""An optimizer that does not support the dtype or the shape of a weight."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.shapes import Tensor
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """Report the first such weight."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    if not isinstance(training.optimizer, Optimizer):
        return
    for one, gradient in case.optimized:
        weight = Tensor(one.weight.shape, one.weight.dtype)
        half = weight.dtype in ("float16", "bfloat16")
        scaled = half and training.optimizer.scales_gradients  # its gradients are in float32
        given = weight._replace(dtype="float32") if scaled else weight
        for optimizer, taken in ((training.optimizer, weight), (gradient, given)):
            reason = optimizer.misfit(one.path, taken)
            if reason is not None:
                case.report.error(
                    "MS589",
                    f"`{optimizer.kind()}` {reason}, so it cannot update the weight `{one.path}`,"
                    f" which is {weight.dtype}",
                    locate(training.node, ("optimizer",)) or training.span,
                    help="use another optimizer, e.g. `Adam`, or train in float32",
                )
                return
