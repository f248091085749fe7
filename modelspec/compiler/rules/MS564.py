"""A callback for moving averages of the weights with an optimizer that keeps none."""

from __future__ import annotations

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Optimizer

from .case import Case


def check(case: Case) -> None:
    """Check every callback that requires the averages."""
    training = case.training
    if training is None or training.choices is None:
        return
    optimizers = [one.optimizer for one in training.players] or [training.choices.optimizer]
    if any(not isinstance(one, Optimizer) or one.keeps_averages for one in optimizers):
        return
    for one in training.callbacks:
        if isinstance(one.settings, Callback) and one.settings.needs_averages:
            case.report.error(
                "MS564",
                f"`{one.written}` swaps the weights with their moving averages, but the optimizer"
                " keeps none",
                one.span,
                help="give the optimizer `use_ema: true`, or remove the callback",
            )
