"""A learning rate that is 0 in every step: training changes no weight."""

from __future__ import annotations

from modelspec.catalog.components.callbacks import Callback
from modelspec.catalog.components.optimizer import Optimizer
from modelspec.core.diagnostics import Span

from ..spec.training_section import Training
from .case import Case

_EPOCHS_LOOKED_AT = 1000
"""How many epochs of a callback that sets the rate are evaluated: one rate above 0 suffices."""


def check(case: Case) -> None:
    """Check the rate of the optimizer, or the rate that a callback sets instead."""
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
        help = "write a `schedule` with values above 0, and a positive initial `learning_rate`"
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
    """Whether the rate is 0 in each epoch, with the callbacks applied in their order."""
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
