"""An optimizer that cannot change a weight of the dtype or the shape that a layer has."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.shapes import Tensor
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """The first such weight."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    if not isinstance(training.optimizer, Optimizer):
        return
    looked_at: set[tuple[int, Tensor]] = set()
    for one, gradient in case.optimized:
        weight = Tensor(one.weight.shape, one.weight.dtype)
        if (id(gradient), weight) in looked_at:
            continue
        looked_at.add((id(gradient), weight))
        for optimizer in (training.optimizer, gradient):
            reason = optimizer.misfit(weight)
            if reason is not None:
                case.report.error(
                    "MS589",
                    f"`{optimizer.kind()}` {reason}, and cannot change the weight `{one.path}`,"
                    f" which is {weight.dtype}",
                    locate(training.node, ("optimizer",)) or training.span,
                    help="use another optimizer, e.g. `Adam`, or train in float32",
                )
                return
