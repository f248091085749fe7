"""Every layer with weights is frozen."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case
from .layer_patterns import complete


def check(case: Case) -> None:
    """A training that leaves nothing to be trained."""
    typed, training = case.typed, case.fitting
    if typed is None or training is None or not training.freeze or not complete(typed):
        return
    if typed.parameters and typed.trainable_parameters == 0:
        case.report.warning(
            "MS532",
            "every layer with weights is frozen: nothing is left to be trained",
            locate(training.node, ("freeze",)) or training.span,
            help="leave out the layers that should learn",
        )
