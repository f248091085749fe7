"""The results of runs side by side, as values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from modelspec.catalog.components.metric import Direction
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.rules.logged_quantities import direction_of, logged
from modelspec.compiler.spec.slice_names import MARK
from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.views.diff.values import ABSENT, Differing, differing

from ..confusion import Confusion, confusions
from ..listing import is_better_small
from ..record import Record
from .labels import labels
from .settings import (
    Tree,
    compiled_spec,
    differing_settings,
    filled_tree,
    unreadable,
    written_tree,
)

_SPLITS: Final = ("test_", "val_", "train_")
_LOSSES: Final = ("training.loss", "training.class_weight")
"""Settings that change the meaning of a loss."""
_LONGEST: Final = 200
"""The most characters of a string of a manifest that are compared and shown."""


@dataclass(frozen=True)
class Measure:
    """A number of each run, in the order of the runs; None for a run without it."""

    name: str
    values: tuple[float | None, ...]
    better: Direction

    @property
    def differences(self) -> tuple[float | None, ...]:
        """The difference of each from the first."""
        first = self.values[0]
        return tuple(
            None if value is None or first is None else value - first for value in self.values
        )

    @property
    def best(self) -> tuple[int, ...]:
        """Which runs have the best value; none if all are equal, or if neither direction is
        better.
        """
        known = [one for one in self.values if one is not None and math.isfinite(one)]
        if self.better is None or len(set(known)) < 2:
            return ()
        best = max(known) if self.better == "up" else min(known)
        return tuple(at for at, value in enumerate(self.values) if value == best)


@dataclass(frozen=True)
class Curve:
    """A loss or a metric by epoch, of each run; empty for a run without it."""

    name: str
    runs: tuple[tuple[float, ...], ...]
    better: Direction

    def best_epoch(self, at: int) -> int | None:
        """The best epoch of a run, from 1; None if neither direction is better."""
        values = [(value, epoch) for epoch, value in enumerate(self.runs[at], 1)]
        finite = [one for one in values if math.isfinite(one[0])]
        if self.better is None or not finite:
            return None
        sign = -1 if self.better == "up" else 1
        return min(finite, key=lambda one: (sign * one[0], one[1]))[1]

    @property
    def span(self) -> tuple[float, float]:
        """The minimum and the maximum of all runs."""
        finite = [value for values in self.runs for value in values if math.isfinite(value)]
        return min(finite, default=0.0), max(finite, default=0.0)

    @property
    def says_nothing(self) -> bool:
        """Whether it is constant in each run, such as a learning rate, or has a single epoch."""
        return all(len(set(values)) < 2 for values in self.runs)


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; the others are compared with the first."""

    records: tuple[Record, ...]
    settings: tuple[Differing, ...]
    """The paths of the resolved specs that differ, with the value of each run."""
    unknown: frozenset[int]
    """Runs whose settings cannot be read."""
    circumstances: tuple[Differing, ...]
    """Data, versions and machine, if they differ."""
    direction: Callable[[str], Direction]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A short, unique name for each run."""
        return labels([record.path for record in self.records])

    @cached_property
    def metrics(self) -> tuple[Measure, ...]:
        """Losses and metrics: on the test part, on the validation part, and as logged."""
        names = [name for name in self._names() if MARK not in name]
        first = [name for prefix in ("test_", "val_") for name in names if name.startswith(prefix)]
        return tuple(map(self._measure, dict.fromkeys((*first, *names))))

    @cached_property
    def slices(self) -> tuple[Measure, ...]:
        """Metrics on slices; slices with few examples in a run are not judged."""
        names = (name for name in self._names() if MARK in name)
        return tuple(
            replace(one, better=None) if self.has_few(one.name) else one
            for one in map(self._measure, names)
        )

    def has_few(self, name: str) -> bool:
        """Whether the slice of a metric has few examples in some run."""
        key = _examples_key(name)
        return any(key in record.few_slices for record in self.records)

    @cached_property
    def expectations(self) -> tuple[str, ...]:
        """The keys of the expectations in the specs of the runs."""
        return tuple(dict.fromkeys(key for one in self.records for key in one.expectations))

    @cached_property
    def confusions(self) -> Mapping[tuple[str, str], tuple[Confusion | None, ...]]:
        """The confusion matrix of each run by output and part of the data, if the reports of the
        runs contain them.
        """
        found = [
            {(one.output, one.part): one for one in confusions(record.path)}
            for record in self.records
        ]
        keys = dict.fromkeys(key for one in found for key in one)
        return {key: tuple(one.get(key) for one in found) for key in keys}

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """The curves that vary, with validation metrics next to those of the training."""
        names = dict.fromkeys(name for record in self.records for name in record.history)
        ordered = dict.fromkeys(
            each
            for name in names
            for each in (name, f"val_{name}")
            if each in names and name != "learning_rate"
        )
        found = (
            Curve(
                name,
                tuple(tuple(record.history.get(name, ())) for record in self.records),
                None if name == "learning_rate" else self.direction(name),
            )
            for name in (*ordered, "learning_rate")
        )
        return tuple(one for one in found if not one.says_nothing)

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for record in self.records for name in record.metrics))

    def _measure(self, name: str) -> Measure:
        values = tuple(record.metrics.get(name) for record in self.records)
        return Measure(name, values, self.direction(name))


def compare(records: Sequence[Record]) -> Checked[Comparison]:
    """Compare runs. A run with an unreadable resolved spec is a warning (MS846)."""
    said: list[Diagnostic] = []
    trees, specs = _trees(records, said)
    known = [tree for tree in trees if tree is not None]
    places = differing_settings(known) if len(known) > 1 else []
    other_losses = any(one.path.startswith(_LOSSES) for one in places)
    found = Comparison(
        tuple(records),
        tuple(_with_unknown(one, trees) for one in places),
        frozenset(at for at, tree in enumerate(trees) if tree is None),
        tuple(_circumstances(records)),
        _directions(specs, other_losses),
    )
    return Checked(found, tuple(said))


def too_few(records: Sequence[Record]) -> Diagnostic:
    """MS845: fewer than two runs."""
    found = f"only one run, `{records[0].path}`" if records else "no readable run"
    return Diagnostic(
        "MS845",
        "error",
        f"a comparison requires at least two runs, found {found}",
        None,
        help="pass several run folders, or a folder with several: `modelspec compare runs/iris`",
    )


def _trees(
    records: Sequence[Record], said: list[Diagnostic]
) -> tuple[list[Tree | None], list[Compiled]]:
    """The settings of each run, and the specs that compile. If one does not, all are compared as
    they are written, so that its defaults do not count as differences.
    """
    specs: list[Compiled] = []
    for record in records:
        checked = compiled_spec(record)
        if checked.value is None:
            said.append(unreadable(record, checked.diagnostics))
        else:
            specs.append(checked.value)
    if len(specs) == len(records):
        return list(map(filled_tree, specs)), specs
    return [written_tree(record).value for record in records], specs


def _examples_key(name: str) -> str:
    """The name of a slice's number of examples: `test@island=Dream`."""
    metric, mark, label = name.partition(MARK)
    return f"{metric.partition('_')[0]}{mark}{label}"


def _with_unknown(place: Differing, trees: Sequence[Tree | None]) -> Differing:
    """The values, with an entry for runs with unknown settings."""
    values = iter(place.values)
    return place._replace(values=tuple(ABSENT if tree is None else next(values) for tree in trees))


def _directions(specs: Iterable[Compiled], other_losses: bool) -> Callable[[str], Direction]:
    """Which direction of a metric is better: from its class, otherwise from its name. None for
    losses that are computed in different ways.
    """
    known: dict[str, Direction] = {}
    for spec in specs:
        if spec.training is not None:
            known = {**logged(spec.training), **known}

    def of(name: str) -> Direction:
        bare = name.partition(MARK)[0]
        bare = next((bare[len(one) :] for one in _SPLITS if bare.startswith(one)), bare)
        if other_losses and (bare == "loss" or bare.endswith("_loss")):
            return None
        found = direction_of(bare, known)
        if found is not None or bare in known:
            return found
        return "down" if is_better_small(bare) else "up"

    return of


# Data, versions, machine --------------------------------------------------------------------------


def _circumstances(records: Sequence[Record]) -> list[Differing]:
    facts = [_facts(record) for record in records]
    return differing("", tuple(facts))


def _facts(record: Record) -> dict[str, Any]:
    """The manifest's values about data, versions and machine, as far as they have the expected
    types.
    """
    data = {
        str(part): _plain(one, ("sha256", "examples"))
        for part, one in record.mapping("data").items()
    }
    versions = {**record.mapping("dependencies"), **record.mapping("versions")}
    machine = {**record.mapping("machine"), **record.mapping("backend")}
    return {
        "data": data,
        "versions": _plain(versions, versions),
        "machine": _plain(machine, machine),
    }


def _plain(found: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Numbers and short strings of a mapping, and lists of them as a string."""
    if not isinstance(found, Mapping):
        return {}
    values = {str(key)[:_LONGEST]: _scalar(found.get(key)) for key in keys}
    return {key: value for key, value in values.items() if value is not None}


def _scalar(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(one)[:_LONGEST] for one in value if isinstance(one, (str, int)))
    if isinstance(value, str):
        return value[:_LONGEST]
    return value if isinstance(value, (bool, int, float)) else None
