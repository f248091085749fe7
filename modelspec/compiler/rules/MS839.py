"""A term of an objective whose name is already used by another logged quantity."""

from __future__ import annotations

from .case import Case
from .logged_quantities import logged_metrics

_COLUMNS = ("batch", "epoch", "learning_rate", "loss", "seconds", "stage")
"""Names that a run logs besides losses and metrics."""


def check(case: Case) -> None:
    """Check every term against losses, metrics and the columns of the history."""
    training = case.fitting
    if training is None or not training.objective:
        return
    taken = dict.fromkeys(_COLUMNS, "a column of the history")
    if len(training.outputs) > 1:
        taken |= dict.fromkeys((f"{one}_loss" for one in training.losses), "a loss")
    taken |= {name: "a metric" for one in logged_metrics(training) for name in one.names}
    for name, term in training.objective.items():
        if name in taken:
            case.report.error(
                "MS839",
                f"the term `{name}` has the logged name of {taken[name]}",
                term.span,
                help="rename the term",
            )
