"""Classes that are balanced twice."""

from __future__ import annotations

from modelspec.core.diagnostics import Note

from .case import Case


def check(case: Case) -> None:
    """Report `balance` beside `class_weight: balanced`."""
    if case.data is None or case.data.balance is None or case.training is None:
        return
    for output, weight in case.training.class_weights.items():
        if weight.weights is None:
            case.report.warning(
                "MS697",
                f"`balance` draws every value of `{case.data.balance.column}` equally often, and"
                f" `class_weight: balanced` weights the classes of `{output}` by their frequency in"
                " the data, so rare classes count twice",
                weight.span,
                notes=[Note("`balance` is written here", case.data.spans.get(("balance",)))],
                help="remove one of them",
            )
