"""A learning rate of 0: a training that changes no weight."""

from __future__ import annotations

from .case import Case


def check(case: Case) -> None:
    """The rate of the optimizer, where it is one number."""
    training = case.fitting
    if training is None or training.choices is None:
        return
    written = training.node.entries.get("optimizer")
    span = written.value.span if written is not None else training.span
    rate = getattr(training.choices.optimizer, "learning_rate", None)
    if isinstance(rate, (int, float)) and rate == 0:
        case.report.warning(
            "MS551",
            "the learning rate is 0: training changes no weight",
            span,
            help="write a positive `learning_rate`",
        )
