"""An activation that limits the range of an output trained on unbounded targets."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case

_SQUASHING = frozenset(
    {
        "sigmoid",
        "tanh",
        "softmax",
        "softsign",
        "hard_sigmoid",
        "hard_sigmoid_keras2",
        "hard_tanh",
        "relu6",
    }
)


def check(case: Case) -> None:
    """Check every output of single numbers whose loss has unbounded targets."""
    for one in case.trained:
        head = one.head
        # The sigmoid of an image usually meets scaled pixels.
        scalar = head.units == 1 and head.tensor.rank == 2
        if scalar and one.settings.targets == "numbers" and head.activation in _SQUASHING:
            case.report.warning(
                "MS526",
                f"output `{head.output}` is limited to the range of its {head.activation}, but "
                f"`{one.loss.written}` trains it to be any number",
                head.span,
                notes=[Note("the loss", one.loss.span)],
                help="remove the activation, or scale the target to the same range",
            )
