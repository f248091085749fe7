"""A callback for running means of the weights, beside an optimizer that keeps none."""

from __future__ import annotations

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Optimizer

from .case import Case


def check(case: Case) -> None:
    """Every callback that needs the means."""
    training = case.training
    if training is None or training.choices is None:
        return
    optimizer = training.choices.optimizer
    if not isinstance(optimizer, Optimizer) or optimizer.keeps_averages:
        return
    for one in training.callbacks:
        if isinstance(one.settings, Callback) and one.settings.needs_averages:
            case.report.error(
                "MS564",
                f"`{one.written}` swaps the weights with their running means, but the optimizer"
                " keeps none",
                one.span,
                help="give the optimizer `use_ema: true`, or remove the callback",
            )
