"""Whether the activation of an output fits the loss that trains it."""

from __future__ import annotations

from modelspec.catalog.components import ACTIVATIONS

from .trained_outputs import TrainedOutput


def is_unfit(one: TrainedOutput) -> bool:
    """Whether a loss of probabilities or logits is on an activation that outputs neither."""
    activation = one.head.activation
    # Other rules report probabilities for logits (MS513) and the reverse (MS515).
    reported_elsewhere = (
        activation is None or activation == "linear" or one.head.gives_probabilities
    )
    if reported_elsewhere or not one.settings.has_from_logits():
        return False
    found = ACTIVATIONS.find(activation or "")
    fact = "gives_logits" if takes_logits(one) else "gives_probabilities"
    return found is not None and not getattr(found, fact)


def takes_logits(one: TrainedOutput) -> bool:
    """Whether the loss takes logits."""
    return bool(getattr(one.settings, "from_logits", False))
