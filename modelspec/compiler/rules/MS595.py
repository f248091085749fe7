"""Sample weights for a loss or a metric that compares along the batch."""

from __future__ import annotations

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.core.diagnostics import Note, Span
from modelspec.core.source import locate

from ..spec.training_section import Chosen
from .case import Case
from .output_heads import Head


def check(case: Case) -> None:
    """Check every loss with sample weights, and every weighted metric."""
    for one in case.trained:
        weights = _weights(case, one.head.output)
        if weights is not None and not one.misfits:
            _check(case, one.head, one.loss, one.settings, weights)
    if case.fitting is None:
        return
    for output, metrics in case.fitting.weighted_metrics.items():
        head = case.heads.get(output)
        for chosen in metrics if head is not None else ():
            assert head is not None
            if isinstance(chosen.settings, Metric):
                _check(case, head, chosen, chosen.settings, None)


def _weights(case: Case, output: str) -> Note | None:
    """The source of the sample weights in the loss of an output, if there is one."""
    mask = case.masks.outputs.get(output)
    if mask is not None:
        return Note(f"the mask of `{mask.made.name}`", mask.made.call.use.kind_span)
    span: Span | None = None
    if case.data is not None and case.data.weights is not None:
        span = case.data.spans.get(("weights",))
    if case.fitting is not None and case.fitting.class_weights:
        span = locate(case.fitting.node, ("class_weight",)) or case.fitting.span
    return Note("the weights", span) if span is not None else None


def _check(
    case: Case, head: Head, chosen: Chosen, settings: Loss | Metric, weights: Note | None
) -> None:
    if settings.keeps_examples(head.tensor.shape):
        return
    case.report.error(
        "MS595",
        f"`{chosen.written}` compares along the batch, so it has no value per example to weigh",
        locate(chosen.node, (chosen.written, "axis")) or chosen.span,
        notes=[weights] if weights is not None else [],
        help=(
            "write it under `metrics`, or leave `axis` out"
            if isinstance(settings, Metric)
            else "leave `axis` out, or the weights"
        ),
    )
