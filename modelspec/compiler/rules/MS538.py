"""A moving average beside low-rank adapters."""

from __future__ import annotations

from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """With `lora` the weights of a layer stay as they are: an average of them does not change."""
    training = case.fitting
    if case.typed is None or training is None or training.lora is None:
        return
    for average in case.typed.graph.averages.values():
        case.report.error(
            "MS538",
            f"`{average.name}` is a moving average of `{average.source}`, but `lora` trains"
            " adapters in place of its weights",
            locate(training.node, ("lora",), key=True) or training.span,
            help="remove `lora`, or remove `ema_of`",
        )
