"""A training that finds no weight to change."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case
from .layer_patterns import complete


def check(case: Case) -> None:
    """No layer has a trainable weight: all are frozen, or none has any weight."""
    typed, training = case.typed, case.fitting
    if typed is None or training is None or not complete(typed):
        return
    if typed.parameters is None or typed.trainable_parameters != 0:
        return
    if typed.parameters == 0:
        if not case.trained or any(one.misfits for one in case.trained):
            return  # the outputs are in error, and with them what they would need
        message = "no layer of the model has weights: nothing is left to be trained"
        help = (
            "add a layer with weights, e.g. `Dense`; `modelspec evaluate` measures without training"
        )
    else:
        message = "every layer with weights is frozen: nothing is left to be trained"
        help = "leave out the layers that should learn"
    case.report.warning(
        "MS532", message, locate(training.node, ("freeze",)) or training.span, help=help
    )
