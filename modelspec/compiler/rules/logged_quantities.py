"""The quantities that training logs, and those that callbacks monitor."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Mapping
from typing import TypeAlias

from modelspec.catalog.components import log_name
from modelspec.catalog.components.metric import Direction, Metric
from modelspec.catalog.components.run_paths import placeholders
from modelspec.core.diagnostics import Span, nearest
from modelspec.core.records import NamedTuple
from modelspec.core.shapes import Size
from modelspec.core.source import locate

from ..spec.data_section import DataSection
from ..spec.objective_section import Term
from ..spec.training_section import Chosen, Training
from .measured_outputs import ACCURACY

Units: TypeAlias = Mapping[str, Size]
"""The size of each output's last axis, by output."""
_NUMBER = re.compile(r"_[0-9]+$")


class Monitor(NamedTuple):
    """The `monitor` of a callback."""

    callback: Chosen
    name: str
    logged: dict[str, Direction]
    """The names that training logs, without `val_`."""
    validated: bool
    """Whether the spec has validation data, as far as that is known."""
    written: Span | None
    """The span of the name; None if it is the default."""

    @property
    def bare(self) -> str:
        return self.name.removeprefix("val_")

    @property
    def known(self) -> bool:
        return self.bare in self.logged

    @property
    def unvalidated(self) -> bool:
        """Whether it refers to validation data that does not exist."""
        return self.known and self.bare != self.name and not self.validated

    @property
    def span(self) -> Span:
        return self.written or self.callback.span


class FileValue(NamedTuple):
    """A placeholder in braces in a file path of a callback."""

    callback: Chosen
    path: str
    name: str
    known: tuple[str, ...]
    """The valid placeholders."""
    is_known: bool
    """Whether it is one of these, by a fast lookup, as there are many."""
    span: Span


class _Known:
    """Valid placeholders, to list and to look up; created once for many callbacks."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.unordered = frozenset(names)


def monitors(
    training: Training, data: DataSection | None, units: Units | None = None
) -> Iterator[Monitor]:
    """Every monitor that can be checked: an unknown name may belong to a metric with errors, or to
    one of several values of a metric.
    """
    produced = logged(training, units)
    uncounted = _uncounted(training, units)
    validated = is_validated(data)
    for callback in training.callbacks:
        name = getattr(callback.settings, "monitor", None)
        if not isinstance(name, str):
            continue
        place = locate(callback.node, (callback.written, "monitor"))
        monitor = Monitor(callback, name, produced, validated, place)
        if monitor.known or not (training.metrics_in_error or is_uncounted(name, uncounted)):
            yield monitor


def file_values(
    training: Training, data: DataSection | None, units: Units | None = None
) -> Iterator[FileValue]:
    """Every placeholder in the paths of callbacks, except those that a metric with errors, or with
    an unknown number of values, may log.
    """
    produced = tuple(logged(training, units))
    uncounted = _uncounted(training, units)
    validated = tuple(f"val_{name}" for name in produced) if is_validated(data) else ()
    at_steps = _Known(("epoch", "batch", *produced))
    at_epochs = _Known(("epoch", *produced, *validated))
    rates = False
    for callback in training.callbacks:
        if getattr(callback.settings, "logs_rate", False) and not rates:
            rates, at_epochs = True, _Known((*at_epochs.names, "learning_rate"))
        path = getattr(callback.settings, "filepath", None)
        if not isinstance(path, str):
            continue
        by_epoch = getattr(callback.settings, "save_freq", "epoch") == "epoch"
        known = at_epochs if by_epoch else at_steps
        span = locate(callback.node, (callback.written, "filepath")) or callback.span
        for name in placeholders(path):
            # With a `MultiOptimizer` the rates are logged by the names of its optimizers.
            rate = rates and name.startswith("learning_rate_")
            uncertain = rate or training.metrics_in_error or is_uncounted(name, uncounted)
            is_known = name in known.unordered
            if is_known or not uncertain:
                yield FileValue(callback, path, name, known.names, is_known, span)


def nearest_logged(name: str, known: Collection[str]) -> str | None:
    """The known name that was most likely meant: `val_accuracy` for `val_acc`."""
    for word in ACCURACY:
        front = name.removesuffix(word)
        same = [front + other for other in ACCURACY if front != name and front + other in known]
        if same:
            return same[0]
    return nearest(name, known)


def is_uncounted(name: str, uncounted: Container[str]) -> bool:
    """Whether a name may be one of several values of a metric (`f1_score_2`) with an unknown number
    of values.
    """
    metric, _, number = name.removeprefix("val_").rpartition("_")
    return number.isdecimal() and metric in uncounted


def _uncounted(training: Training, units: Units | None) -> frozenset[str]:
    """The metrics with an unknown number of values."""
    return frozenset(one.name for one in logged_metrics(training, units) if one.numbers is None)


def is_validated(data: DataSection | None) -> bool:
    """Whether the spec has validation data, as far as that is known."""
    return data is None or data.split_in_error or _has_validation(data)


def _has_validation(data: DataSection) -> bool:
    return "validation" in data.source_spans or (
        data.split is not None and "validation" in data.split.may_have
    )


def logged(training: Training, units: Units | None = None) -> dict[str, Direction]:
    """The names that a run logs, without `val_`, and whether higher or lower is better.

    `units` are the sizes of the outputs' last axes. A metric with an unknown number of values is
    listed once, by its name.
    """
    found: dict[str, Direction] = {one.loss: "down" for one in training.players}
    if not training.players:
        found["loss"] = "down"
    if len(training.outputs) > 1:
        found |= {f"{output}_loss": "down" for output in training.losses}
    for one in logged_metrics(training, units):
        found |= dict.fromkeys(one.names, one.direction)
    # A term may be minimized or, with a negative weight, maximized.
    return found | {name: _direction(term) for name, term in training.objective.items()}


def _direction(term: Term) -> Direction:
    if not isinstance(term.weight, float) or term.weight == 0:
        return None
    return "down" if term.weight > 0 else "up"


def direction_of(name: str, directions: Mapping[str, Direction]) -> Direction:
    """Whether higher or lower is better for a logged quantity: `f1_score_2` as `f1_score`."""
    bare = name.removeprefix("val_")
    return directions.get(bare, directions.get(_NUMBER.sub("", bare)))


class LoggedMetric(NamedTuple):
    """A metric with its logged name."""

    name: str
    direction: Direction
    numbers: int | None
    """How many values it has, if known."""
    output: str
    settings: Metric | str
    """A string for a metric that depends on the shapes: `accuracy`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each of its values; its own name if their number is unknown."""
        if self.numbers is None or self.numbers == 1:
            return (self.name,)
        return tuple(f"{self.name}_{number}" for number in range(self.numbers))


def logged_metrics(training: Training, units: Units | None = None) -> Iterator[LoggedMetric]:
    """Every metric with its logged name."""
    several = len(training.outputs) > 1
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
                size = (units or {}).get(output)
                count = (
                    metric.settings.numbers(size if isinstance(size, int) else None)
                    if isinstance(metric.settings, Metric)
                    else 1
                )
                name = f"{output}_{name}" if several else name
                yield LoggedMetric(name, direction, count, output, metric.settings)
