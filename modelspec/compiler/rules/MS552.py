"""A crossentropy on an activation that gives neither probabilities nor logits."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case
from .trained_outputs import TrainedOutput

_FROM_0_TO_1 = ("sigmoid", "softmax", "hard_sigmoid", "sparse_sigmoid", "sparsemax", "linear")
"""Activations whose outputs are probabilities, and the one that says nothing."""


def check(case: Case) -> None:
    """Outputs below 0 or above 1 are cut off by the loss, and logits of one sign miss a half."""
    for one in case.trained:
        activation = one.head.activation
        if activation is None or activation in _FROM_0_TO_1 or not one.settings.has_from_logits():
            continue
        case.report.warning(
            "MS552",
            f"`{one.loss.written}` takes {_wanted(one)}, but output `{one.head.output}` is the"
            f" {activation} of `{one.head.call.name}`",
            one.head.span,
            notes=[Note("the loss", one.loss.span)],
            help=_help(one),
        )


def _from_logits(one: TrainedOutput) -> bool:
    return bool(getattr(one.settings, "from_logits", False))


def _wanted(one: TrainedOutput) -> str:
    return "logits, which may be any number" if _from_logits(one) else "probabilities"


def _help(one: TrainedOutput) -> str:
    if _from_logits(one):
        return f"remove the activation of `{one.head.call.name}`"
    wanted = "sigmoid" if one.settings.targets == "binary" else "softmax"
    return f"give `{one.head.call.name}` `activation: {wanted}`"
