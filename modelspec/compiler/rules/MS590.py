"""A loss or a metric that does not support the shape of its output."""

from __future__ import annotations

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.catalog.components.misfit import Misfit
from modelspec.core.diagnostics import Note
from modelspec.core.shapes import show
from modelspec.core.source import locate

from ..spec.training_section import Chosen
from .case import Case
from .output_heads import Head


def check(case: Case) -> None:
    """Check every loss and metric whose output has a type."""
    for trained in case.trained:
        if not trained.misfits:
            _check(case, trained.head, trained.loss, trained.settings)
    for measured in case.metrics:
        if measured.settings is not None:
            _check(case, measured.head, measured.metric, measured.settings)


def _check(case: Case, head: Head, chosen: Chosen, settings: Loss | Metric) -> None:
    misfit = _without_units(head, settings) or settings.misfit(head.tensor.shape)
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


def _without_units(head: Head, settings: Loss | Metric) -> Misfit | None:
    """The misfit of a metric that compares units, on an output without an axis of units."""
    targets = settings.targets if isinstance(settings, Loss) else settings.takes
    class_numbers = getattr(settings, "sparse_y_pred", False)
    if head.tensor.rank > 1 or class_numbers or targets not in ("one_hot", "indices"):
        return None
    return Misfit(
        "compares units that are classes",
        None,
        "give the output an axis of units, e.g. with `Reshape: [1]` and a `Dense`",
    )
