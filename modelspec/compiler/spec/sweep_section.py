"""The `sweep` section as written: a search over values of the spec, or all folds of its split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import field
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, get_args

from pydantic import PlainValidator

from modelspec.catalog.components import PRUNERS, SAMPLERS, component
from modelspec.catalog.layers.setting_types import Count
from modelspec.core.diagnostics import Span
from modelspec.core.records import dataclass
from modelspec.core.settings import Section, Unfit
from modelspec.core.source import Node

Range: TypeAlias = Literal["uniform", "log_uniform", "integers"]
RANGES: Final[tuple[Range, ...]] = get_args(Range)
"""The keys of the forms of a range."""
FOLD: Final = "data.split.fold"
"""The path whose value `all` makes every trial all folds."""
ALL: Final = "all"
GRID: Final = "grid"
MOST_OBJECTIVES: Final = 2
_TIME: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(second|minute|hour|day)s?")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_MOST_DAYS: Final = 3650


def _seconds(value: Any) -> float | None:
    """The seconds of `2 hours`. Raises `Unfit`."""
    if value is None:
        return None
    expected = "a number of seconds, minutes, hours or days: `90 minutes`, `2 hours`"
    if not isinstance(value, str):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        raise Unfit(expected, help=f"write `{value} seconds`" if is_number else None)
    match = _TIME.fullmatch(value.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match is not None else 0.0
    if not 0 < seconds <= _MOST_DAYS * _SECONDS["day"] or not isfinite(seconds):
        raise Unfit(expected, code="MS205")
    return seconds


class SweepKeys(Section):
    """A search for the values of some keys of the spec that give the best runs, with `modelspec
    sweep`; `modelspec train` ignores it.

    ```yaml
    sweep:
      objective: {maximize: val_accuracy}
      trials: 40
      parameters:
        vars.width: [16, 32, 64]
        training.optimizer.Adam.learning_rate: {log_uniform: [1e-5, 1e-2]}
    ```
    """

    title: ClassVar[str] = "sweep"

    objective: Any = None
    """The quantity of the runs that is optimized, or a list of two."""
    trials: Count | None = None
    """How many trials the sweep makes, over all of its processes and after any interruption; by
    default all combinations of a grid, or as many as `timeout` and `patience` allow.
    """
    timeout: Annotated[
        float | None, PlainValidator(_seconds, json_schema_input_type=str | None)
    ] = None
    """The time after which no trial starts: `90 minutes`, `2 hours`."""
    patience: Count | None = None
    """The number of trials without a better one after which the sweep ends."""
    sampler: Annotated[Any, component(SAMPLERS, built=True)] | None = None
    """How values are chosen: `grid`, `random`, `tpe`, `cmaes` or `nsga2`. By default `grid` if all
    values are listed and `trials` is not given, else `tpe`, with two objectives `nsga2`.
    """
    pruner: Annotated[Any, component(PRUNERS, built=True)] | None = None
    """Which trials end before their last epoch: `median`, `asha` or `hyperband`; by default none.
    """
    parameters: Any = None
    """The values to search, by path."""


@dataclass(frozen=True)
class Objective:
    """A quantity of the runs that the sweep optimizes."""

    key: str
    """A quantity as in `expect`: `val_accuracy`, `multiply_adds`."""
    maximize: bool
    span: Span = field(compare=False, repr=False)
    """Where the quantity is written."""


@dataclass(frozen=True)
class Parameter:
    """A value of the spec that the sweep changes."""

    path: str
    """As written: `training.optimizer.Adam.learning_rate`, with the syntax of `--set`."""
    kind: Literal["values", "uniform", "log_uniform", "integers"]
    values: tuple[Any, ...] = ()
    """The values of a list (`values`), as plain Python values; empty for a range."""
    low: int | float = 0
    high: int | float = 0
    """The ends of a range; both are included."""
    step: int | float | None = None
    """The distance between the values of a range; None: 1 for integers, any number otherwise."""
    log: bool = False
    """Whether values of a range are drawn by their logarithms: `log_uniform`, or `log: true`."""
    when: str | bool | None = None
    """The condition for setting the parameter, as written: `$(depth > 3)`; None: always."""
    span: Span = field(compare=False, repr=False, kw_only=True)
    """Where the path is written."""
    nodes: tuple[Node, ...] = field(compare=False, repr=False, kw_only=True)
    """The values as written, in the order of `values`; of a range its two ends."""
    when_node: Node | None = field(default=None, compare=False, repr=False, kw_only=True)
    """The condition as written."""

    @property
    def is_continuous(self) -> bool:
        """Whether it has more values than can be listed."""
        return self.kind in ("uniform", "log_uniform") and self.step is None

    @property
    def count(self) -> int | None:
        """The number of its values; None for a continuous range."""
        if self.kind == "values":
            return len(self.values)
        if self.is_continuous:
            return None
        return int((Decimal(repr(self.high)) - Decimal(repr(self.low))) / self._distance) + 1

    @property
    def points(self) -> Iterator[Any]:
        """All of its values in order; the two ends of a continuous range."""
        if self.kind == "values":
            yield from self.values
        elif (count := self.count) is None:
            yield from (self.low, self.high)
        else:
            yield from (self.point(index) for index in range(count))

    def point(self, index: int) -> Any:
        """The value with an index, of a list or of a range with a step."""
        if self.kind == "values":
            return self.values[index]
        value = Decimal(repr(self.low)) + index * self._distance
        return int(value) if self.kind == "integers" else float(value)

    @property
    def _distance(self) -> Decimal:
        return Decimal(repr(self.step if self.step is not None else 1))


@dataclass(frozen=True)
class Sweep:
    """A search over values of the spec, the folds of its split, or both."""

    objectives: tuple[Objective, ...]
    """One, or two for a Pareto front; empty for folds without a search."""
    trials: int | None
    """How many trials the sweep makes; None: all of a grid, or as many as `timeout` and `patience`
    allow.
    """
    timeout: float | None
    """Seconds after which no trial starts."""
    patience: int | None
    """How many trials without a better one end the sweep."""
    sampler: str
    """The name of the sampler, given or by default."""
    sampler_settings: MappingType[str, Any]
    pruner: str | None
    """The name of the pruner; None: every trial is trained to its last epoch."""
    pruner_settings: MappingType[str, Any]
    parameters: tuple[Parameter, ...]
    """In their written order, without the folds."""
    folds: bool
    """Whether every trial is all folds of `data.split`."""
    span: Span = field(compare=False, repr=False)
    """Where `sweep` is written."""
    folds_span: Span | None = field(default=None, compare=False, repr=False)
    """Where `data.split.fold` is written."""
    spans: MappingType[str, Span] = field(default_factory=dict, compare=False, repr=False)
    """Where each key of the section is written."""

    @property
    def is_search(self) -> bool:
        """Whether it has parameters to search; without any, it is plain cross-validation."""
        return bool(self.parameters)

    @property
    def is_grid(self) -> bool:
        """Whether its trials are all combinations of its values."""
        return self.sampler == GRID

    def span_of(self, *keys: str) -> Span:
        """Where the first of some keys that is given is written; else `sweep` itself."""
        return next((self.spans[key] for key in keys if key in self.spans), self.span)
