"""Metrics against the targets of the loss beside them (`MS523`)."""

from __future__ import annotations

from collections.abc import Mapping

from modelspec.catalog.components.loss import Loss, Targets
from modelspec.catalog.components.metric import Metric
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Note

from ..spec.training_section import Chosen, Training
from .heads import Head

_WORDS: dict[Targets, str] = {
    "indices": "class numbers",
    "one_hot": "one-hot codes",
    "binary": "yes or no for each unit",
    "numbers": "any numbers",
}
_BETTER: dict[tuple[Targets, Targets], str] = {
    ("indices", "one_hot"): "use the `Sparse...` metric, or `accuracy`, which follows the target",
    (
        "indices",
        "binary",
    ): "use a metric for class numbers: `accuracy`, `sparse_top_k_categorical_accuracy`, ...",
    (
        "one_hot",
        "indices",
    ): "use the metric without `Sparse...`, or `accuracy`, which follows the target",
    ("binary", "indices"): "use `accuracy`, which follows the target, or `AUC`",
}


def check_metrics(heads: Mapping[str, Head], training: Training, report: Collector) -> None:
    """A metric and the loss of one output compare the same targets with the same predictions."""
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            head, loss = heads.get(output), training.losses.get(output)
            if head is None or loss is None or not isinstance(loss.settings, Loss):
                continue
            for metric in metrics:
                _check(head, loss, loss.settings, metric, report)


def _check(head: Head, loss: Chosen, settings: Loss, metric: Chosen, report: Collector) -> None:
    given = settings.targets
    if isinstance(metric.settings, str):
        if given == "numbers" and head.activation in ("linear", None):
            report.warning(
                "MS523",
                f"`{metric.written}` counts exact hits, but output `{head.output}` is trained to "
                "be any number",
                metric.span,
                notes=[Note("the loss", loss.span)],
                help="use `mae`, `RootMeanSquaredError` or `R2Score`",
            )
        return
    assert isinstance(metric.settings, Metric)
    taken = metric.settings.takes
    if taken == given or given not in _WORDS or taken not in _WORDS or "numbers" in (taken, given):
        return
    several = head.units != 1
    if {taken, given} == {"one_hot", "binary"} or not several:
        return  # one shape, and 0 and 1 in both
    report.error(
        "MS523",
        f"`{metric.written}` compares {_WORDS[taken]}, but the targets of output `{head.output}`"
        f" are {_WORDS[given]}",
        metric.span,
        notes=[Note("as its loss has them", loss.span)],
        help=_BETTER.get((given, taken)),
    )
