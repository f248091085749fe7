"""Choices of `training` that get in each other's way (`MS528` to `MS530`, `MS546`)."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.components import log_name
from modelspec.catalog.components.metric import Metric
from modelspec.core.collector import Collector
from modelspec.core.diagnostics import Note
from modelspec.core.settings import Settings
from modelspec.core.source import locate

from ..spec.data_section import DataSection
from ..spec.spec_file import SpecFile
from ..spec.training_section import Chosen, Training

SET_THE_RATE = ("LearningRateScheduler", "ReduceLROnPlateau")


def check_leak(data: DataSection, report: Collector) -> None:
    """A target that is also one of several columns of an input: the model only has to copy it."""
    for output, target in (data.targets or {}).items():
        for name, feature in (data.inputs or {}).items():
            leaked = [column for column in target.names if column in feature.names]
            if leaked and len(feature.names) > 1 and feature.names != target.names:
                report.warning(
                    "MS530",
                    f"`{leaked[0]}` is the target of output `{output}` and a column of input "
                    f"`{name}`",
                    data.spans.get(("inputs", name)),
                    notes=[Note("the target", data.spans.get(("targets", output)))],
                    help="take it out of the input: the model would only copy it",
                )


def check_choices(training: Training, report: Collector) -> None:
    """What each is right by itself, and not beside another."""
    _check_rate(training, report)
    for chosen in (training.metrics, training.weighted_metrics):
        for metrics in chosen.values():
            _check_names(metrics, report)


def check_compiler(file: SpecFile, report: Collector) -> None:
    """XLA has no deterministic form of some operations: Keras turns it off for all where
    determinism is asked for.
    """
    if file.runtime.jit is True and file.runtime.deterministic:
        report.warning(
            "MS546",
            "XLA (`jit: true`) compiles nothing in a training that is `deterministic`",
            locate(file.root, ("runtime", "jit"), key=True),
            help="write `deterministic: false` beside it, or leave `jit` out",
        )


def _check_rate(training: Training, report: Collector) -> None:
    """A schedule computes the learning rate at every step, and Keras lets nobody else set it."""
    if training.choices is None or not isinstance(
        getattr(training.optimizer, "learning_rate", None), Settings
    ):
        return
    place = locate(training.node, ("optimizer",), key=True)
    for callback in training.callbacks:
        if callback.written in SET_THE_RATE:
            report.error(
                "MS528",
                f"`{callback.written}` sets the learning rate, but a schedule of the optimizer does"
                " already",
                callback.span,
                notes=[Note("the optimizer", place)],
                help="remove one of the two",
            )


def _check_names(metrics: tuple[Chosen, ...], report: Collector) -> None:
    """Metrics of one output are logged under names of their own."""
    for name, chosen in _names(metrics):
        first = next(other for found, other in _names(metrics) if found == name)
        if first is not chosen:
            report.error(
                "MS529",
                f"two metrics are logged as `{name}`",
                chosen.span,
                notes=[Note("the first", first.span)],
                help="give one of them a `name`, or remove it",
            )


def _names(metrics: tuple[Chosen, ...]) -> Iterator[tuple[str, Chosen]]:
    for chosen in metrics:
        assert isinstance(chosen.settings, (Metric, str))
        yield log_name(chosen.settings), chosen
