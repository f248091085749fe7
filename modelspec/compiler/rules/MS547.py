"""A metric of probabilities on an output of scores."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .measured_outputs import ACCURACY, Measured


def check(case: Case) -> None:
    """Check every metric with a threshold or a logarithm on logits, margins or a linear head."""
    refused = {one.head.output for one in case.trained if "logits for probabilities" in one.misfits}
    for one in case.measured:
        if one.scores and _takes_probabilities(one) and one.head.output not in refused:
            case.report.error(
                "MS547",
                f"`{one.metric.written}` expects probabilities, but output `{one.head.output}`"
                f" contains {_found(one)}",
                one.metric.span,
                notes=[Note("the loss", one.loss.span), Note("the output", one.head.span)],
                help=_help(one),
            )


def _takes_probabilities(one: Measured) -> bool:
    if one.settings is not None:
        return one.settings.takes_probabilities
    if one.metric.settings not in ACCURACY:
        return True
    # Keras rounds one unit at 0.5; of several units the highest decides.
    return one.loss_settings.targets == "binary" and one.one_unit


def _found(one: Measured) -> str:
    if one.loss_settings.of_margins:
        return f"margins: `{one.loss.written}` trains their signs"
    return "scores below 0 or above 1"


def _help(one: Measured) -> str:
    wanted = "sigmoid" if one.loss_settings.targets == "binary" else "softmax"
    activation = f"give `{one.head.call.name}` `activation: {wanted}`"
    if one.loss_settings.of_margins:
        return f"{activation} and a crossentropy loss, or measure `{one.loss.written}`"
    if hasattr(one.settings, "from_logits"):
        return f"write `from_logits: true`, or {activation}"
    if one.settings is None or hasattr(one.settings, "threshold"):
        return f"write `BinaryAccuracy: {{threshold: 0}}`, or {activation}"
    return activation
