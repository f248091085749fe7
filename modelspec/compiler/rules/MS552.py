"""A crossentropy on an activation that outputs neither probabilities nor logits."""

from __future__ import annotations

from modelspec.catalog.components import ACTIVATIONS
from modelspec.core.diagnostics import Note

from .case import Case
from .trained_outputs import TrainedOutput


def check(case: Case) -> None:
    """The loss clips outputs below 0 or above 1; logits of one sign cover half of their range."""
    for one in case.trained:
        activation = one.head.activation
        # Other rules report probabilities for logits (MS513) and the reverse (MS515).
        reported_elsewhere = (
            activation is None or activation == "linear" or one.head.gives_probabilities
        )
        if reported_elsewhere or not one.settings.has_from_logits() or _fits(one):
            continue
        case.report.warning(
            "MS552",
            f"`{one.loss.written}` takes {_wanted(one)}, but output `{one.head.output}` is"
            f" {_made(one)}",
            one.head.span,
            notes=[Note("the loss", one.loss.span)],
            help=_help(one),
        )


def _fits(one: TrainedOutput) -> bool:
    """Whether the activation fits the loss, or is unknown."""
    found = ACTIVATIONS.find(one.head.activation or "")
    fact = "gives_logits" if _from_logits(one) else "gives_probabilities"
    return found is None or bool(getattr(found, fact))


def _from_logits(one: TrainedOutput) -> bool:
    return bool(getattr(one.settings, "from_logits", False))


def _is_setting(one: TrainedOutput) -> bool:
    """Whether the activation is a setting of the layer, rather than the layer itself."""
    layer = one.head.layer
    return layer is not None and "activation" in type(layer).model_fields


def _made(one: TrainedOutput) -> str:
    call = one.head.call
    if _is_setting(one):
        return f"the {one.head.activation} of {one.head.named}"
    return f"the output of the layer `{call.name}` ({call.kind})"


def _wanted(one: TrainedOutput) -> str:
    return "logits (unbounded)" if _from_logits(one) else "probabilities"


def _help(one: TrainedOutput) -> str:
    named, wanted = one.head.named, "sigmoid" if one.settings.targets == "binary" else "softmax"
    if _is_setting(one):
        return (
            f"remove the activation of {named}"
            if _from_logits(one)
            else f"give {named} `activation: {wanted}`"
        )
    if _from_logits(one):
        return f"remove {named}"
    return f"replace {named} with `Activation: {wanted}`"
