"""Outputs without a loss."""

from __future__ import annotations

from modelspec.core.diagnostics import listed
from modelspec.core.source import Mapping

from .case import Case


def check(case: Case) -> None:
    """Report outputs without a loss where other outputs have one."""
    training = case.fitting
    if training is None or training.objective:  # its terms train the layers before any output
        return
    entry = training.node.entries.get("loss")
    untrained = [output for output in case.heads if output not in training.losses]
    written = (
        len(entry.value.entries) if entry is not None and isinstance(entry.value, Mapping) else 0
    )
    misnamed = written > len(training.losses)
    if training.losses and untrained and not misnamed:
        case.report.warning(
            "MS503",
            f"no loss trains {listed(untrained)}",
            entry.key_span if entry else training.span,
            help=f"add `{untrained[0]}: ...` to `loss`, or ignore this if it is intended",
        )
