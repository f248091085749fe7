"""Probabilities with a loss that sets `from_logits`."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.source import locate

from .case import Case


def check(case: Case) -> None:
    """Check every output whose loss applies the softmax or sigmoid itself."""
    for one in case.trained:
        if "probabilities for logits" not in one.misfits:
            continue
        head, loss = one.head, one.loss
        place = locate(loss.node, (loss.written, "from_logits"), whole=True)
        case.report.error(
            "MS513",
            f"`from_logits` expects output `{head.output}` to be logits, but "
            f"`{head.call.name}` ends with a {head.activation}",
            place or loss.span,
            notes=[Note(f"the {head.activation}", head.span)],
            help="remove `from_logits`, or the activation",
        )
