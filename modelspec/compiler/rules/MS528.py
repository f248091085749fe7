"""Two that set the learning rate."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.settings import Settings
from modelspec.core.source import locate

from .case import Case

_SET_THE_RATE = ("LearningRateScheduler", "ReduceLROnPlateau")


def check(case: Case) -> None:
    """A schedule computes the learning rate at every step, and Keras lets nobody else set it."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    if not isinstance(getattr(training.optimizer, "learning_rate", None), Settings):
        return
    place = locate(training.node, ("optimizer",), key=True)
    for callback in training.callbacks:
        if callback.written in _SET_THE_RATE:
            case.report.error(
                "MS528",
                f"`{callback.written}` sets the learning rate, but a schedule of the optimizer does"
                " already",
                callback.span,
                notes=[Note("the optimizer", place)],
                help="remove one of the two",
            )
