"""What a training logs, and what its callbacks watch of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.catalog.components import log_name
from modelspec.catalog.components.metric import Direction, Metric
from modelspec.core.diagnostics import Span
from modelspec.core.source import locate

from ..spec.data_section import DataSection
from ..spec.training_section import Chosen, Training


class Monitor(NamedTuple):
    """The `monitor` of a callback."""

    callback: Chosen
    name: str
    logged: dict[str, Direction]
    """What the training logs, without `val_`."""
    validated: bool
    """Whether there is validation data, as far as that can be told."""
    written: Span | None
    """Where the name is written; None where it is the default."""

    @property
    def bare(self) -> str:
        return self.name.removeprefix("val_")

    @property
    def known(self) -> bool:
        return self.bare in self.logged

    @property
    def unvalidated(self) -> bool:
        """Whether it is of validation data that there is none of."""
        return self.known and self.bare != self.name and not self.validated

    @property
    def span(self) -> Span:
        return self.written or self.callback.span


def monitors(training: Training, data: DataSection | None) -> Iterator[Monitor]:
    """Every monitor that something can be said about: one that nothing logs may be that of a metric
    in error.
    """
    produced = logged(training)
    validated = data is None or data.split_in_error or _has_validation(data)
    for callback in training.callbacks:
        name = getattr(callback.settings, "monitor", None)
        if not isinstance(name, str):
            continue
        place = locate(callback.node, (callback.written, "monitor"))
        monitor = Monitor(callback, name, produced, validated, place)
        if monitor.known or not training.metrics_in_error:
            yield monitor


def _has_validation(data: DataSection) -> bool:
    return "validation" in data.source_spans or (
        data.split is not None and data.split.validation > 0
    )


def logged(training: Training) -> dict[str, Direction]:
    """The names under which Keras logs a run, without `val_`, and which way is better."""
    return dict(_logged(training))


def _logged(training: Training) -> Iterator[tuple[str, Direction]]:
    several = len(training.outputs) > 1
    yield "loss", "down"
    if several:
        yield from ((f"{output}_loss", "down") for output in training.losses)
    for by_output in (training.metrics, training.weighted_metrics):
        weighted = by_output is training.weighted_metrics
        for output, metrics in by_output.items():
            for metric in metrics:
                assert isinstance(metric.settings, (Metric, str))
                name = log_name(metric.settings, weighted=weighted)
                # A name that follows the output's shape (`accuracy`) is always of the kind that
                # should grow.
                direction = (
                    metric.settings.direction if isinstance(metric.settings, Metric) else "up"
                )
                yield f"{output}_{name}" if several else name, direction
