"""A metric that expects other targets than the loss of the same output."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components.loss import Loss, Targets
from modelspec.catalog.components.metric import Metric
from modelspec.core.diagnostics import Note

from ..spec.training_section import Chosen, Training
from .case import Case
from .output_heads import Head

_WORDS: dict[Targets, str] = {
    "indices": "class indices",
    "one_hot": "one-hot codes",
    "binary": "yes or no for each unit",
    "numbers": "a number for each unit",
}
_BETTER: dict[tuple[Targets, Targets], str] = {
    ("indices", "one_hot"): "use the `Sparse...` metric, or `accuracy`, which follows the target",
    (
        "indices",
        "binary",
    ): "use a metric for class indices: `accuracy`, `sparse_top_k_categorical_accuracy`, ...",
    (
        "one_hot",
        "indices",
    ): "use the metric without `Sparse...`, or `accuracy`, which follows the target",
    ("binary", "indices"): "use `binary_accuracy` or `AUC`",
    ("numbers", "indices"): "use the metric without `Sparse...`, or a loss for class indices",
}


def check(case: Case) -> None:
    """A metric and the loss of an output must expect the same targets and predictions."""
    if case.fitting is None:
        return
    for output, metric in _metrics(case.fitting):
        head, loss = case.heads.get(output), case.fitting.losses.get(output)
        if head is None or loss is None or not isinstance(loss.settings, Loss):
            continue
        if loss.settings.targets == "sequences":
            _check_aligned(case, head, loss, metric)
        elif isinstance(metric.settings, str):
            _check_accuracy(case, head, loss, loss.settings, metric)
        else:
            assert isinstance(metric.settings, Metric)
            _check_targets(case, head, loss, loss.settings.targets, metric, metric.settings.takes)


def _metrics(training: Training) -> Iterator[tuple[str, Chosen]]:
    for by_output in (training.metrics, training.weighted_metrics):
        for output, metrics in by_output.items():
            for metric in metrics:
                yield output, metric


def _check_aligned(case: Case, head: Head, loss: Chosen, metric: Chosen) -> None:
    """Report a metric of label sequences, which have another length than the output. Only a formula
    may be right.
    """
    if isinstance(metric.settings, Metric) and metric.settings.takes in ("any", "sequences"):
        return
    case.report.error(
        "MS523",
        f"`{metric.written}` compares each step, but the targets of output `{head.output}` are"
        " label sequences that are not aligned with its steps",
        metric.span,
        notes=[Note("expected by the loss", loss.span)],
        help="leave it out: no metric of Keras decodes label sequences",
    )


def _check_accuracy(case: Case, head: Head, loss: Chosen, settings: Loss, metric: Chosen) -> None:
    """Report an `accuracy` of unbounded numbers, which match the target only by chance."""
    if settings.targets == "numbers" and head.activation in ("linear", None):
        case.report.warning(
            "MS523",
            f"`{metric.written}` counts exact matches, but output `{head.output}` is trained to "
            "be any number",
            metric.span,
            notes=[Note("the loss", loss.span)],
            help="use `mae`, `RootMeanSquaredError` or `R2Score`",
        )


def _check_targets(
    case: Case, head: Head, loss: Chosen, given: Targets, metric: Chosen, taken: Targets
) -> None:
    if taken == given or given not in _WORDS or taken not in _WORDS or taken == "numbers":
        return
    if given == "numbers" and taken != "indices":
        return  # numbers may be 0 and 1
    if {taken, given} == {"one_hot", "binary"} or head.units == 1:
        return  # one shape, and 0 and 1 in both
    case.report.error(
        "MS523",
        f"`{metric.written}` expects {_WORDS[taken]}, but the targets of output `{head.output}`"
        f" are {_WORDS[given]}",
        metric.span,
        notes=[Note("expected by the loss", loss.span)],
        help=_BETTER.get((given, taken)),
    )
