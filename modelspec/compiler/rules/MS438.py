"""A callback that changes the learning rate of several optimizers whose loss is scaled."""

from __future__ import annotations

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.diagnostics import Note
from modelspec.core.source import locate

from .case import Case
from .scaled_losses import scales_loss


def check(case: Case) -> None:
    """Keras scales the loss of `MultiOptimizer` by another optimizer around it, which has no
    learning rate.
    """
    training = case.fitting
    if training is None or training.choices is None or training.players:
        return  # each player is checked as a separate training
    optimizer = training.optimizer
    if not isinstance(optimizer, Optimizer) or optimizer.by_path is None:
        return
    callbacks = [
        one
        for one in training.callbacks
        if isinstance(one.settings, Callback) and one.settings.changes_rate
    ]
    if not callbacks or not scales_loss(case, optimizer):
        return
    place = locate(training.node, ("optimizer",), key=True)
    for one in callbacks:
        case.report.error(
            "MS438",
            f"`{one.written}` cannot change the learning rates of `{optimizer.kind()}` in a model"
            " with `mixed_float16`, because Keras scales the loss",
            one.span,
            notes=[Note("the optimizer", place)],
            help=f"remove it, or write `loss_scale_factor` for `{optimizer.kind()}`, which scales"
            " the loss by a constant",
        )
