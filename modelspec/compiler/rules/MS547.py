"""A metric of probabilities on an output of scores."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .measured_outputs import Measured


def check(case: Case) -> None:
    """Check every metric with a threshold or a logarithm on logits, margins or a linear head."""
    refused = {one.head.output for one in case.trained if "logits for probabilities" in one.misfits}
    for one in case.measured:
        if not one.scores or not _takes_probabilities(one) or one.head.output in refused:
            continue
        # Limited to 0 to 1, the output is still compared in a useful order.
        limited = one.loss_settings.of_margins and one.head.gives_probabilities
        report = case.report.warning if limited else case.report.error
        report(
            "MS547",
            f"`{one.metric.written}` expects probabilities, but output `{one.head.output}`"
            f" {_found(one, limited=limited)}",
            one.metric.span,
            notes=[Note("the loss", one.loss.span), Note("the output", one.head.span)],
            help=_help(one, limited=limited),
        )


def _takes_probabilities(one: Measured) -> bool:
    if one.settings is not None:
        return one.settings.takes_probabilities
    if not one.is_accuracy:
        return True
    # Keras rounds one unit at 0.5; of several units the highest decides.
    return one.loss_settings.targets == "binary" and one.one_unit


def _found(one: Measured, *, limited: bool) -> str:
    if limited:
        return (
            f"is not a probability: `{one.loss.written}` compares margins, also after"
            f" `{one.head.activation}`"
        )
    if one.loss_settings.of_margins:
        return f"contains margins: `{one.loss.written}` trains their signs"
    return "contains scores below 0 or above 1"


def _help(one: Measured, *, limited: bool) -> str:
    if limited:
        return f"use a crossentropy loss, or measure `{one.loss.written}`"
    wanted = "sigmoid" if one.loss_settings.targets == "binary" else "softmax"
    activation = f"give `{one.head.call.name}` `activation: {wanted}`"
    if one.loss_settings.of_margins:
        return f"{activation} and a crossentropy loss, or measure `{one.loss.written}`"
    if hasattr(one.settings, "from_logits"):
        return f"write `from_logits: true`, or {activation}"
    if one.settings is None or hasattr(one.settings, "threshold"):
        return f"write `BinaryAccuracy: {{threshold: 0}}`, or {activation}"
    return activation
