"""The quantities that a spec's expectations refer to: those of a model and of its run, and what is
known about each before a run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from modelspec.catalog.components.loss import Loss
from modelspec.catalog.components.metric import AT_LEAST_0, SHARE, Bounds, Direction, Metric
from modelspec.core.records import NamedTuple, dataclass

from ..spec.data_section import DataSection
from ..spec.expect_section import (
    BYTES,
    OF_RUN,
    PREFIXES,
    STATIC,
    Expectation,
)
from ..spec.training_section import Training
from .logged_quantities import (
    Units,
    is_uncounted,
    is_validated,
    logged,
    logged_metrics,
    nearest_logged,
)

if TYPE_CHECKING:
    from ..spec.comparison import Comparison, Measure
    from .case import Case

ORIGINAL: Final = "original_"
"""The prefix of a metric in the unit of the target's column."""
_SYNONYMS: Final = {
    "flops": "multiply_adds",
    "macs": "multiply_adds",
    "params": "parameters",
    "time": "seconds",
    "duration": "seconds",
    "model_size": "size",
    "file_size": "size",
}
_LONG: Final = {"validation_": "val_", "training_": "train_", "testing_": "test_", "valid_": "val_"}


class Quantity(NamedTuple):
    """What is known about a number before it is measured."""

    measures: tuple[Measure, ...]
    """The allowed kinds of units of a limit."""
    bounds: Bounds
    direction: Direction = None
    """Whether a higher or a lower value of a metric is better."""
    whole: bool = False
    """Whether it is an integer."""


_COUNT: Final = Quantity(("number", "count"), AT_LEAST_0, whole=True)
_BYTES: Final = Quantity(("number", "count", "bytes"), AT_LEAST_0, whole=True)
_SECONDS: Final = Quantity(("number", "seconds"), AT_LEAST_0)


class Expected(NamedTuple):
    """An expectation with its quantity; None if the spec has no such quantity."""

    expectation: Expectation
    quantity: Quantity | None

    def is_absent(self, case: Case) -> bool:
        """Whether the quantity would exist if the spec had the training, or the part of the data,
        that it refers to.
        """
        one = self.expectation
        if case.training is None:
            of_training = one.part is not None or one.quantity in (*OF_RUN, "memory")
            return of_training and self.quantity is None
        front = next((each for each, part in PREFIXES.items() if part == one.part), None)
        return self.quantity is not None and front not in (None, *case.quantities.parts)


def sound(expectation: Expectation, quantity: Quantity) -> list[Comparison]:
    """The comparisons with valid units."""
    return [one for one in expectation.comparisons if one.measure in quantity.measures]


def is_possible(one: Comparison, quantity: Quantity) -> bool:
    """Whether a number within the bounds of the quantity can meet it."""
    if one.of_baseline:
        return True
    low, high = quantity.bounds
    if one.operator == "==":
        if quantity.whole and one.number != int(one.number):
            return False
        return (low is None or one.number >= low) and (high is None or one.number <= high)
    bound = high if one.is_lower else low
    if bound is None:
        return True
    room = bound - one.number if one.is_lower else one.number - bound
    return room > 0 or (room == 0 and not one.is_strict)


def always(expectation: Expectation, quantity: Quantity, one: Comparison) -> float | None:
    """The bound of the quantity that makes a comparison always true; None if it can be false.
    The maximum number of epochs is a setting, which may change.
    """
    low, high = quantity.bounds
    if one.of_baseline or one.operator == "==" or expectation.quantity == "epochs":
        return None
    bound = low if one.is_lower else high
    if bound is None:
        return None
    room = bound - one.number if one.is_lower else one.number - bound
    return bound if room > 0 or (room == 0 and not one.is_strict) else None


@dataclass(frozen=True)
class Quantities:
    """The quantities of one spec and its run."""

    training: Training | None
    data: DataSection | None
    units: Units | None = None
    """The sizes of the outputs' last axes."""

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The prefixes of the existing parts, as far as they are known."""
        present = {"train_": True, "val_": is_validated(self.data), "test_": is_tested(self.data)}
        return tuple(front for front in PREFIXES if present[front])

    @cached_property
    def metrics(self) -> Mapping[str, Quantity]:
        """The names that a run logs, without the names of parts."""
        if self.training is None:
            return {}
        return dict(_logged(self.training, self.data, self.units))

    @cached_property
    def of_original(self) -> Mapping[str, Quantity]:
        """Metrics of the saved model in the unit of a target's column."""
        if self.training is None:
            return {}
        return {
            f"{ORIGINAL}{name}": Quantity(("number", "share", "count"), one.settings.lies_in, way)
            for one in logged_metrics(self.training, self.units)
            for name, way in [(one.name, one.direction)]
            if isinstance(one.settings, Metric)
            and one.settings.in_any_unit
            and _is_transformed(self.data, one.output)
        }

    @cached_property
    def fixed(self) -> Mapping[str, Quantity]:
        """Quantities other than metrics; for a spec without training those of the model."""
        found = {name: _BYTES if name in BYTES else _COUNT for name in STATIC}
        if self.training is None:
            return {name: one for name, one in found.items() if name != "memory"}
        most = self.training.epochs if self.training.choices is not None else None
        epochs = _COUNT._replace(bounds=(0.0, most))
        of_run = {"size": _BYTES, "seconds": _SECONDS, "epochs": epochs}
        return found | {name: of_run[name] for name in OF_RUN}

    @cached_property
    def known(self) -> Collection[str]:
        """Every valid key of an expectation, without slices, for fast lookup."""
        return dict.fromkeys(self.keys).keys()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The same keys in order, for messages."""
        return tuple(name for names in self.by_part.values() for name in names)

    @cached_property
    def by_part(self) -> Mapping[str | None, tuple[str, ...]]:
        """These keys by their part of the data; None: quantities other than metrics."""
        found: dict[str | None, tuple[str, ...]] = {None: tuple(self.fixed)}
        for front in self.parts:
            names = [*self.metrics, *(() if front == "train_" else self.of_original)]
            found[PREFIXES[front]] = tuple(f"{front}{name}" for name in names)
        return found

    def find(self, expectation: Expectation) -> Quantity | None:
        """The quantity of an expectation, even if its part of the data does not exist."""
        if expectation.part is None:
            return self.fixed.get(expectation.quantity)
        found = self.metrics.get(expectation.metric)
        if found is None and expectation.part != "train":
            found = self.of_original.get(expectation.metric)
        return found

    def may_be(self, expectation: Expectation) -> bool:
        """Whether the metric may exist although it is not known: another metric has errors, or has
        a number of values that depends on the data.
        """
        if self.training is None:
            return False
        in_error = self.training.metrics_in_error
        return in_error or is_uncounted(expectation.metric, self._uncounted)

    @cached_property
    def _uncounted(self) -> frozenset[str]:
        """The metrics with an unknown number of values."""
        assert self.training is not None
        found = logged_metrics(self.training, self.units)
        return frozenset(one.name for one in found if one.numbers is None)

    def nearest(self, expectation: Expectation) -> str | None:
        """The key that was most likely meant."""
        key = expectation.quantity
        if key in self.metrics:  # without its part
            return f"{self.parts[-1]}{key}"
        if (other := _SYNONYMS.get(key.lower())) in self.fixed:
            return other
        for long, front in _LONG.items():
            if key.startswith(long):
                key = front + key.removeprefix(long)
        if expectation.metric.startswith(ORIGINAL):
            bare = key.replace(ORIGINAL, "", 1)
            key = bare if bare in self.known else key
        if key in self.known:
            return key
        of_outputs = self._of_outputs(expectation, key)
        return of_outputs[0] if len(of_outputs) == 1 else nearest_logged(key, self.known)

    def _of_outputs(self, expectation: Expectation, key: str) -> list[str]:
        """The keys with the words of a key, plus the name of an output before the metric or in
        another order (`test_species_accuracy` for `test_accuracy`); at most two with an output.
        """
        part = expectation.part
        if part is None:
            return []
        same = self._by_words.get((part, tuple(sorted(key.split("_")))), [])
        metric = key.partition("_")[2]
        names = self._backwards.get((part, metric.startswith(ORIGINAL)), [])
        ending = f"_{metric.removeprefix(ORIGINAL)}"[::-1]
        at = bisect_left(names, ending)
        return same or [one[::-1] for one in names[at : at + 2] if one.startswith(ending)]

    @cached_property
    def _by_words(self) -> Mapping[tuple[str, tuple[str, ...]], list[str]]:
        """The keys of each part by their words, in alphabetical order."""
        found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for part, key in self._with_parts:
            found.setdefault((part, tuple(sorted(key.split("_")))), []).append(key)
        return found

    @cached_property
    def _backwards(self) -> Mapping[tuple[str, bool], list[str]]:
        """The keys of each part, those in the unit of a column separately, reversed and sorted:
        keys with the same ending are adjacent.
        """
        found: dict[tuple[str, bool], list[str]] = {}
        for part, key in self._with_parts:
            original = key.partition("_")[2].startswith(ORIGINAL)
            found.setdefault((part, original), []).append(key[::-1])
        return {group: sorted(names) for group, names in found.items()}

    @cached_property
    def _with_parts(self) -> tuple[tuple[str, str], ...]:
        """The parts and their keys."""
        return tuple((part, key) for part, keys in self.by_part.items() if part for key in keys)


def expected(case: Case) -> Iterator[Expected]:
    """Every expectation that can be checked."""
    file = case.file
    if file is None or not file.expectations:
        return
    found = case.quantities
    if case.typed is None or (case.training is None and "training" in file.root.entries):
        return  # a part with errors may have it
    for one in file.expectations:
        quantity = found.find(one)
        if quantity is not None or not found.may_be(one):
            yield Expected(one, quantity)


def is_tested(data: DataSection | None) -> bool:
    """Whether the spec has test data, as far as that is known."""
    if data is None or data.split_in_error or "test" in data.source_spans:
        return True
    return data.split is not None and "test" in data.split.may_have


def _logged(
    training: Training, data: DataSection | None, units: Units | None
) -> Iterator[tuple[str, Quantity]]:
    """Losses and metrics by their logged names."""
    facts = {
        name: (one.settings, one.direction)
        for one in logged_metrics(training, units)
        for name in one.names
    }
    positive = _losses_at_least_0(training, data)
    for name, direction in logged(training, units).items():
        if name not in facts:
            bounds: Bounds = AT_LEAST_0 if positive else (None, None)
            yield name, Quantity(("number", "share", "count"), bounds, direction)
            continue
        settings = facts[name][0]
        bounds = settings.lies_in if isinstance(settings, Metric) else SHARE
        shares = bounds[1] is not None
        units_ = ("number", "share") if shares else ("number", "share", "count")
        yield name, Quantity(units_, bounds, direction)  # type: ignore[arg-type]


def _losses_at_least_0(training: Training, data: DataSection | None) -> bool:
    """Whether no loss of the run can be below 0. Sample weights and terms may be negative."""
    if (data is not None and data.weights is not None) or training.objective:
        return False
    losses = [one.settings for one in training.losses.values()]
    known = all(one.at_least_0 if isinstance(one, Loss) else True for one in losses)
    return bool(losses) and known and all(one >= 0 for one in training.loss_weights.values())


def _is_transformed(data: DataSection | None, output: str) -> bool:
    """Whether the target of an output is trained in another unit than that of its column, as far
    as that is known.
    """
    if data is None or data.targets is None:
        return data is None
    feature = data.targets.get(output)
    return feature is not None and feature.transform is not None
