"""A loss or a metric that cannot compare outputs of the shape that it gets."""

from __future__ import annotations

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.core.diagnostics import Note
from modelspec.core.shapes import show
from modelspec.core.source import locate

from ..spec.training_section import Chosen
from .case import Case
from .output_heads import Head


def check(case: Case) -> None:
    """Every loss and every metric whose output has a type."""
    for trained in case.trained:
        if not trained.misfits:
            _check(case, trained.head, trained.loss, trained.settings)
    for measured in case.measured:
        if measured.settings is not None:
            _check(case, measured.head, measured.metric, measured.settings)


def _check(case: Case, head: Head, chosen: Chosen, settings: Loss | Metric) -> None:
    misfit = settings.misfit(head.tensor.shape)
    if misfit is None:
        return
    place = misfit.setting and locate(chosen.node, (chosen.written, misfit.setting))
    case.report.error(
        "MS590",
        f"`{chosen.written}` {misfit.reason}: output `{head.output}` is {show(head.tensor.shape)}",
        place or chosen.span,
        notes=[Note("the output", head.span)],
        help=misfit.help,
    )
