"""A callback and a schedule that both set the learning rate."""

from __future__ import annotations

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.diagnostics import Note
from modelspec.core.settings import Settings
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """A schedule computes the learning rate at every step; Keras rejects any other value."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    chosen = [(one.optimizer, one.node) for one in training.players]
    chosen = chosen or [(training.optimizer, training.node)]
    scheduled = [node for optimizer, node in chosen if _has_schedule(optimizer)]
    if not scheduled:
        return
    place = locate(scheduled[0], ("optimizer",), key=True)
    for callback in training.callbacks:
        if isinstance(callback.settings, Callback) and callback.settings.changes_rate:
            case.report.error(
                "MS528",
                f"`{callback.written}` sets the learning rate, but the optimizer already has a"
                " schedule for it",
                callback.span,
                notes=[Note("the optimizer", place)],
                help="remove one of the two",
            )


def _has_schedule(optimizer: object) -> bool:
    """Whether it has a schedule, or an inner optimizer has."""
    inner = optimizer.gradients if isinstance(optimizer, Optimizer) else (optimizer,)
    return any(isinstance(getattr(one, "learning_rate", None), Settings) for one in inner)
