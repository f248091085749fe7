"""Class weights with a loss that has no classes."""

from __future__ import annotations

from modelspec.catalog.components.loss import Loss
from modelspec.core.diagnostics import Note

from .case import Case

_CLASSIFY = ("indices", "one_hot", "binary")


def check(case: Case) -> None:
    """Check every output of `class_weight`."""
    if case.data is None or case.training is None:
        return
    for output, weight in case.training.class_weights.items():
        loss = case.training.losses.get(output)
        if loss is None or not isinstance(loss.settings, Loss):
            continue
        if loss.settings.targets not in _CLASSIFY:
            case.report.error(
                "MS636",
                f"`class_weight` weighs the classes of output `{output}`, but `{loss.written}` "
                "has no classes",
                weight.span,
                notes=[Note("the loss", loss.span)],
                help="use a column of `weights` under `data`, or a loss for classes",
            )
