"""A training without any trainable weight."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case
from .layer_patterns import complete


def check(case: Case) -> None:
    """Report a model without trainable weights: all layers are frozen, or none has weights."""
    typed, training = case.typed, case.fitting
    if typed is None or training is None or not complete(typed):
        return
    if typed.parameters is None or typed.trainable_parameters != 0:
        return
    if typed.parameters == 0:
        if not case.trained or any(one.misfits for one in case.trained):
            return  # the outputs have errors, so the layers before them are not known to be final
        message = "no layer of the model has weights: nothing can be trained"
        help = (
            "add a layer with weights, e.g. `Dense`; `modelspec evaluate` measures without training"
        )
    else:
        message = "every layer with weights is frozen: nothing can be trained"
        help = "remove the layers that should be trained from `freeze`"
    case.report.warning(
        "MS532", message, locate(training.node, ("freeze",)) or training.span, help=help
    )
