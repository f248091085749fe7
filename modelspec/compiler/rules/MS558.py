"""Loss weights that are all 0: a training that changes no weight."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """The weights of all outputs that have a loss; one that is left out weighs 1."""
    training = case.fitting
    if training is None or not training.losses or not training.loss_weights:
        return
    if all(training.loss_weights.get(output, 1.0) == 0 for output in training.losses):
        case.report.warning(
            "MS558",
            "every loss has the weight 0: training changes no weight by a loss",
            locate(training.node, ("loss_weights",)) or training.span,
            help="give one output a positive weight, or leave `loss_weights` out",
        )
