"""An integer output with a loss."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check every output with a loss."""
    for one in case.trained:
        if "not floating point" in one.misfits:
            head = one.head
            case.report.error(
                "MS514",
                f"output `{head.output}` is {head.tensor.dtype}, but a loss requires"
                " floating point",
                one.loss.span,
                notes=[Note(f"`{head.call.name}` produces it", head.span)],
            )
