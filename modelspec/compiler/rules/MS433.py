"""Weights that cannot be applied to the values of a metric."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import Metric
from modelspec.core.diagnostics import Note, Span
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Shape, show
from modelspec.core.source import locate

from ..spec.training_section import Chosen, Training
from .case import Case
from .output_heads import Head
from .weighted_values import weighs_values, with_batch


class _Weights(NamedTuple):
    """Weights of the values of an output."""

    shape: Shape
    source: str
    span: Span


def check(case: Case) -> None:
    """Check every metric on an output with a mask, with a loss that ignores a class, or with
    weights of examples.
    """
    if case.fitting is None:
        return
    for output, head in case.heads.items():
        every = list(_everywhere(case, head, case.fitting))
        for chosen in case.fitting.metrics.get(output, ()):
            _check(case, head, chosen, every)
        for chosen in case.fitting.weighted_metrics.get(output, ()):
            if isinstance(chosen.settings, Metric) and chosen.settings.keeps_examples(
                head.tensor.shape  # otherwise MS595
            ):
                _check(case, head, chosen, [*every, _of_examples(head, chosen.span)])


def _everywhere(case: Case, head: Head, training: Training) -> Iterator[_Weights]:
    """The weights that every metric of an output has."""
    shape = with_batch(head.tensor.shape)
    mask = case.masks.outputs.get(head.output)
    if mask is not None and mask.fits(mask.carrier_axes - 1):
        what, span = f"the mask of `{mask.made.name}`", mask.made.call.use.kind_span
        yield _Weights(with_batch(mask.shape), what, span)
    loss = training.losses.get(head.output)
    if loss is None or not isinstance(loss.settings, Loss):
        return
    if getattr(loss.settings, "ignore_class", None) is not None:
        span = locate(loss.node, (loss.written, "ignore_class")) or loss.span
        yield _Weights(shape[:-1], f"`ignore_class` of `{loss.written}`", span)


def _of_examples(head: Head, span: Span) -> _Weights:
    more = max(head.tensor.rank - 2, 0)
    examples = with_batch(head.tensor.shape)[:1]
    return _Weights((*examples, *(1,) * more), "the weights of the examples", span)


def _check(case: Case, head: Head, chosen: Chosen, weights: list[_Weights]) -> None:
    settings = chosen.settings
    if not isinstance(settings, Metric) or settings.misfit(head.tensor.shape) is not None:
        return
    values = settings.values(with_batch(head.tensor.shape))
    unfit = [one for one in weights if values is not None and not weighs_values(one.shape, values)]
    if not unfit:
        return
    assert values is not None
    first = unfit[0]
    axis = locate(chosen.node, (chosen.written, "axis"))
    found = f"values of shape {show(values)}" if values else "a single value"
    case.report.error(
        "MS433",
        f"`{chosen.written}` computes {found} for output `{head.output}`, to which"
        f" {first.source}, of shape {show(first.shape)}, cannot be applied",
        axis or chosen.span,
        notes=[Note("the weights", first.span), Note("the output", head.span)],
        help="leave out `axis`" if axis else "use a metric with one value for each of the weights",
    )
