"""One global norm for the gradients of weights with several dtypes."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.source import locate

from ..infer.trained_weights import TrainedWeight
from .case import Case
from .scaled_losses import scales_loss


def check(case: Case) -> None:
    """Report each optimizer with `global_clipnorm`, with the first two weights that differ."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    optimizer = training.optimizer
    if not isinstance(optimizer, Optimizer):
        return
    single = scales_loss(case, optimizer)
    firsts: dict[int, TrainedWeight] = {}
    for one, gradient in case.optimized:
        first = firsts.setdefault(id(gradient), one)
        if gradient.global_clipnorm is None or not _differ(first, one, at_least_single=single):
            continue
        place = locate(training.node, ("optimizer", gradient.kind(), "global_clipnorm"))
        case.report.error(
            "MS597",
            f"`global_clipnorm` requires gradients of one dtype, but the weight `{first.path}`"
            f" is {first.weight.dtype} and `{one.path}` is {one.weight.dtype}",
            place or locate(training.node, ("optimizer",)) or training.span,
            help="use `clipnorm`, which clips each weight separately, or one dtype for all weights",
        )
        return


def _differ(first: TrainedWeight, other: TrainedWeight, *, at_least_single: bool) -> bool:
    """Whether the gradients of the two weights have different dtypes."""
    dtypes = {first.weight.dtype, other.weight.dtype}
    return len({one == "float64" for one in dtypes} if at_least_single else dtypes) > 1
