"""A learning rate that is 0 in every step: a training that changes no weight."""

from __future__ import annotations

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.diagnostics import Span

from ..spec.training_section import Training
from .case import Case

_EPOCHS_LOOKED_AT = 1000
"""A callback that sets the rate is asked for so many epochs: one that is above 0 is enough."""


def check(case: Case) -> None:
    """The rate of the optimizer, or the one that a callback sets in its place."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    setters = [
        one
        for one in training.callbacks
        if isinstance(one.settings, Callback) and one.settings.sets_rate
    ]
    if setters:
        span, always_zero = setters[-1].span, _callbacks_give_zero(training)
        help = "write a `schedule` that is above 0, and a positive `learning_rate` to start from"
    else:
        span, always_zero = _optimizer_span(training), _optimizers_have_zero(training)
        help = "write a positive `learning_rate`"
    if always_zero:
        case.report.warning(
            "MS551", "the learning rate is 0: training changes no weight", span, help=help
        )


def _optimizer_span(training: Training) -> Span:
    written = training.node.entries.get("optimizer")
    return written.value.span if written is not None else training.span


def _optimizers_have_zero(training: Training) -> bool:
    optimizer = training.optimizer
    found = optimizer.gradients if isinstance(optimizer, Optimizer) else ()
    return bool(found) and all(one.settled == (0, 0.0) for one in found)


def _callbacks_give_zero(training: Training) -> bool:
    """Whether the rate is 0 in each epoch, the callbacks asked in their order."""
    rate = getattr(training.optimizer, "learning_rate", None)
    if not isinstance(rate, float) or training.epochs > _EPOCHS_LOOKED_AT:
        return False
    for epoch in range(training.epochs):
        for one in training.callbacks:
            if isinstance(one.settings, Callback):
                rate = one.settings.rate(epoch, rate)
        if rate != 0:
            return False
    return True
