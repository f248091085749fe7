"""One norm for the gradients of weights of several dtypes."""

from __future__ import annotations

from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.source import locate

from .case import Case
from .trained_weights import TrainedWeight


def check(case: Case) -> None:
    """Each optimizer with `global_clipnorm`, beside the first two weights that differ."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    optimizer = training.optimizer
    if not isinstance(optimizer, Optimizer) or optimizer.scales_gradients:
        return
    firsts: dict[int, TrainedWeight] = {}
    for one, gradient in case.optimized:
        first = firsts.setdefault(id(gradient), one)
        if gradient.global_clipnorm is None or first.weight.dtype == one.weight.dtype:
            continue
        place = locate(training.node, ("optimizer", gradient.kind(), "global_clipnorm"))
        case.report.error(
            "MS597",
            f"`global_clipnorm` scales all gradients by one number, but the weight `{first.path}`"
            f" is {first.weight.dtype} and `{one.path}` is {one.weight.dtype}",
            place or locate(training.node, ("optimizer",)) or training.span,
            help="use `clipnorm`, which has a norm for each weight, or one dtype for all weights",
        )
        return
