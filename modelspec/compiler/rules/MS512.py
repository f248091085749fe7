"""One unit with a loss over several classes."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Check every output with a loss for classes."""
    for one in case.trained:
        if "one unit for classes" not in one.misfits:
            continue
        head = one.head
        case.report.error(
            "MS512",
            f"`{one.loss.written}` needs a unit for each class, but output `{head.output}` has one",
            one.loss.span,
            notes=[Note(f"`{head.call.name}` has one unit", head.call.call.use.kind_span)],
            suggestion="binary_crossentropy" if one.written_as_name else None,
            help=(
                "use one unit for each class with `activation: softmax`, or use"
                " `binary_crossentropy` with `activation: sigmoid`"
            ),
        )
