"""Loss weights that are all 0: training minimizes no loss."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """Check the weights of all outputs with a loss; the default weight is 1."""
    training = case.fitting
    if training is None or not training.losses or not training.loss_weights:
        return
    if any(term.counts for term in training.objective.values()):
        return
    if case.typed is not None and not case.typed.is_whole:
        return  # the outputs that are in error may have other weights
    if all(training.loss_weights.get(output, 1.0) == 0 for output in training.losses):
        case.report.warning(
            "MS558",
            "every loss has the weight 0: training minimizes no loss",
            locate(training.node, ("loss_weights",)) or training.span,
            help="give one output a positive weight, or leave `loss_weights` out",
        )
