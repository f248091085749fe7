"""Unbounded outputs with a loss that takes probabilities."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check every output whose loss expects the head to apply the softmax or sigmoid."""
    for one in case.trained:
        if "logits for probabilities" not in one.misfits:
            continue
        head = one.head
        wanted = "sigmoid" if one.settings.targets == "binary" else "softmax"
        case.report.error(
            "MS515",
            f"`{one.loss.written}` takes probabilities, but output `{head.output}` is unbounded: "
            f"`{head.call.name}` has no activation",
            one.loss.span,
            notes=[Note(f"`{head.call.name}`", head.span)],
            help=f"give {head.named} `activation: {wanted}`, or the loss `from_logits: true`",
        )
