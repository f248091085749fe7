"""Moving averages of an optimizer of a `MultiOptimizer` that trains no weight."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.source import locate

from .case import Case
from .layer_patterns import complete


def check(case: Case) -> None:
    """Check every optimizer with `use_ema`, if all layers are known."""
    training = case.fitting
    if training is None or training.choices is None or case.typed is None:
        return
    optimizer = training.optimizer
    several = isinstance(optimizer, Optimizer) and optimizer.by_path is not None
    if not several or not complete(case.typed):
        return
    assert isinstance(optimizer, Optimizer)
    used = {id(one) for _, one in case.optimized}
    idle = next((one for one in optimizer.gradients if one.use_ema and id(one) not in used), None)
    if idle is not None:
        case.report.error(
            "MS592",
            f"`use_ema` of a `{idle.kind()}` that trains no weight: it has no moving averages to"
            " use as weights",
            locate(training.node, ("optimizer",)) or training.span,
            help="leave `use_ema` out, or assign weights to this optimizer",
        )
