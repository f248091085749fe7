"""An `axis` of a loss or a metric that the output does not have."""

from __future__ import annotations

from typing import Any

from modelspec.core.diagnostics import Note, Span
from modelspec.core.source import locate

from ..spec.training_section import Chosen
from .case import Case
from .output_heads import Head


def check(case: Case) -> None:
    """Check every loss and metric with the setting against the rank of its output."""
    for trained in case.trained:
        _check(case, trained.head, trained.loss)
    for measured in case.metrics:
        _check(case, measured.head, measured.metric)


def _check(case: Case, head: Head, chosen: Chosen) -> None:
    rank = head.tensor.rank
    wrong = [
        one for one in _axes(getattr(chosen.settings, "axis", None)) if not -rank <= one < rank
    ]
    if wrong:
        case.report.error(
            "MS561",
            f"`{chosen.written}` compares along axis {wrong[0]}, but output `{head.output}` has"
            f" {rank} axes, the batch included",
            _place(chosen),
            notes=[Note("the output", head.span)],
            help=f"write an axis from {-rank} to {rank - 1}; -1 is the axis of the units",
        )


def _axes(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    return tuple(value) if isinstance(value, (tuple, list)) else ()


def _place(chosen: Chosen) -> Span:
    return locate(chosen.node, (chosen.written, "axis")) or chosen.span
