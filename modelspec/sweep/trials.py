"""The trials of a sweep as data: what every table, file and report shows. Imports no Optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from modelspec.compiler.spec.sweep_section import Objective

State: TypeAlias = Literal["running", "completed", "pruned", "failed"]
STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep."""

    number: int
    """From 0."""
    state: State
    values: Mapping[str, Any] = field(default_factory=dict)
    """What it sets in the spec, by path; without parameters whose condition does not hold."""
    objectives: tuple[float, ...] = ()
    """Its objectives, in the order of the spec; empty if it has none yet, or failed."""
    curve: tuple[float, ...] = ()
    """The first objective after each epoch, if it is measured there."""
    seconds: float | None = None
    """How long its runs took in this process; None if it runs."""
    runs: tuple[str, ...] = ()
    """Its run folders, relative to the working directory: one, or one for each fold."""
    is_reused: bool = False
    """Whether its results are those of an earlier run with the same resolved spec."""
    fault: str | None = None
    """Why it failed."""
    folds: tuple[Mapping[str, float], ...] = ()
    """With folds: the metrics of each of them."""
    unmet: tuple[str, ...] = ()
    """The expectations that it does not meet."""

    @property
    def has_ended(self) -> bool:
        """Whether it is not running."""
        return self.state != "running"

    def as_json(self) -> dict[str, Any]:
        """As in `trials.json`; infinite numbers and NaN are null."""
        return {
            "number": self.number,
            "state": self.state,
            "values": dict(self.values),
            "objectives": [_finite(one) for one in self.objectives],
            "curve": [_finite(one) for one in self.curve],
            "seconds": self.seconds,
            "runs": list(self.runs),
            "reused": self.is_reused,
            "fault": self.fault,
            "folds": [{name: _finite(one) for name, one in each.items()} for each in self.folds],
            "unmet": list(self.unmet),
        }


def trial_of(found: object) -> Trial | None:
    """A trial from JSON, which a stranger may have written; None for anything else."""
    if not isinstance(found, dict):
        return None
    number, state, values = (found.get(key) for key in ("number", "state", "values"))
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        return None
    if state not in STATES or not isinstance(values, dict):
        return None
    seconds, fault = found.get("seconds"), found.get("fault")
    return Trial(
        number,
        state,
        {str(path): value for path, value in values.items()},
        _numbers(found.get("objectives")),
        _numbers(found.get("curve")),
        float(seconds) if isinstance(seconds, (int, float)) else None,
        _texts(found.get("runs")),
        found.get("reused") is True,
        fault if isinstance(fault, str) else None,
        tuple(
            {str(name): _number(value) for name, value in one.items()}
            for one in _list(found.get("folds"))
            if isinstance(one, dict)
        ),
        _texts(found.get("unmet")),
    )


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _texts(found: object) -> tuple[str, ...]:
    return tuple(one for one in _list(found) if isinstance(one, str))


def _numbers(found: object) -> tuple[float, ...]:
    return tuple(map(_number, _list(found)))


def _number(found: object) -> float:
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return float(found) if is_number else math.nan  # type: ignore[arg-type]  # a number here


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# The best ones ------------------------------------------------------------------------------------


def is_better(first: float, second: float, objective: Objective) -> bool:
    """Whether the first of two numbers is strictly better; NaN is worse than any other."""
    if math.isnan(first) or math.isnan(second):
        return math.isnan(second) and not math.isnan(first)
    return first > second if objective.maximize else first < second


def ranked(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The completed trials, the best one first; equally good ones by their numbers. With two
    objectives: the Pareto front by its first objective, then the others by it.
    """
    found = [one for one in trials if one.state == "completed" and one.objectives]
    if not objectives:
        return sorted(found, key=lambda one: one.number)
    sign = -1.0 if objectives[0].maximize else 1.0

    def key(one: Trial) -> tuple[bool, float, int]:
        value = one.objectives[0]
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value, one.number

    found.sort(key=key)
    if len(objectives) == 1:
        return found
    front = pareto(found, objectives)
    return [*front, *(one for one in found if one not in front)]


def pareto(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The completed trials that no other one dominates, in their order: none is at least as good in
    every objective, and better in one. Of equal ones the first.
    """
    found = [one for one in trials if one.state == "completed" and one.objectives]
    whole = [one for one in found if not any(map(math.isnan, one.objectives))]
    front: list[Trial] = []
    for one in whole:
        if any(_dominates(other, one, objectives) for other in whole):
            continue
        if all(one.objectives != other.objectives for other in front):
            front.append(one)
    return front


def _dominates(one: Trial, other: Trial, objectives: Sequence[Objective]) -> bool:
    pairs = list(zip(one.objectives, other.objectives, objectives, strict=False))
    if any(is_better(theirs, own, each) for own, theirs, each in pairs):
        return False
    return any(is_better(own, theirs, each) for own, theirs, each in pairs)


def best_of(trials: Sequence[Trial], objectives: Sequence[Objective]) -> Trial | None:
    """The best completed trial; with two objectives the best of the first one on the front."""
    found = ranked(trials, objectives)
    return found[0] if found and not math.isnan(found[0].objectives[0]) else None


def winner_of(trials: Sequence[Trial], objectives: Sequence[Objective]) -> Trial | None:
    """The best completed trial; of folds without a search the only one."""
    if objectives:
        return best_of(trials, objectives)
    return next((one for one in trials if one.state == "completed"), None)


def since_better(trials: Sequence[Trial], objectives: Sequence[Objective]) -> int:
    """How many trials ended after the last one that was better than all before it; with two
    objectives, after the last one that joined the front. Trials count in their order.
    """
    ended = [one for one in sorted(trials, key=lambda one: one.number) if one.has_ended]
    at = -1
    best: Trial | None = None
    for index, one in enumerate(ended):
        if one.state != "completed" or not one.objectives:
            continue
        if len(objectives) > 1:
            improves = one in pareto(ended[: index + 1], objectives)
        else:
            improves = best is None or is_better(
                one.objectives[0], best.objectives[0], objectives[0]
            )
        if improves:
            best, at = one, index
    return len(ended) - 1 - at
