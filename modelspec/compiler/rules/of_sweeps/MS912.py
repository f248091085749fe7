"""A pruner that ends no trial early."""

from __future__ import annotations

from ..case import Case


def check(case: Case) -> None:
    """Check that the pruner decides before the last epoch."""
    sweep = case.file.sweep if case.file is not None else None
    if sweep is None or sweep.pruner is None or case.training is None:
        return
    if case.training.choices is None:
        return
    least, epochs = sweep.pruner_settings["min_epochs"], case.training.epochs
    if least >= epochs:
        trained = "1 epoch" if epochs == 1 else f"{epochs} epochs"
        case.report.warning(
            "MS912",
            f"`{sweep.pruner}` ends no trial early: `min_epochs` is {least}, and a trial has"
            f" {trained}",
            sweep.span_of("pruner"),
            help="raise `training.epochs`, lower `min_epochs`, or remove `pruner`",
        )
