"""Every fault of the space of a sweep, and the sizes of its models, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.diagnostics.ordering import in_file_order
from modelspec.core.paused_collection import paused_collection

from ..infer.static_numbers import static_number
from ..pipeline import Compiled
from .blame import Blame, Trials
from .combinations import Combinations, grid_size, to_check
from .folds import folds_of
from .trials import Space, space_of

SIZES: Final = ("parameters", "multiply_adds")
_MOST_REPORTED: Final = 100
_AFTER_A_FAULT: Final = 6
"""After the first fault one of this number of trials is compiled, of those that a space without
faults may have; the rest is checked when the fault is corrected.
"""


class Limits(NamedTuple):
    """The smallest and the largest value over the trials that were checked."""

    low: int
    high: int


@dataclass(frozen=True)
class SpaceReport:
    """The result of checking a space."""

    diagnostics: tuple[Diagnostic, ...]
    space: Space | None = None
    trials: int | None = None
    """The number of trials that the sweep makes; None if only time or results limit it."""
    folds: int | None = None
    """The number of runs of each trial, if it is all folds of the split."""
    checked: int = 0
    """How many combinations of values were compiled."""
    complete: bool = False
    """Whether these are all combinations of listed values and of the ends of ranges."""
    sizes: dict[str, Limits] = field(default_factory=dict)
    """The limits of `parameters` and `multiply_adds`, where they are known for every trial."""

    def as_json(self) -> dict[str, Any]:
        """For `check --format json`."""
        return {
            "trials": self.trials,
            "folds": self.folds,
            "checked": self.checked,
            "complete": self.complete,
            **{name: [one.low, one.high] for name, one in self.sizes.items()},
        }


@paused_collection()
def check_space(compiled: Compiled) -> SpaceReport:
    """Compile the trials of a spec without errors: all combinations of its values if they are at
    most 1,000, else the corners of the space or a sample of them. Each fault is reported once, at
    the value that causes it. A spec without `sweep` has no faults here.
    """
    found = space_of(compiled)
    space = found.value
    if space is None:
        return SpaceReport(found.diagnostics)
    folds = len(folds_of(compiled)) if space.sweep.folds else None
    if not space.sweep.is_search:
        return SpaceReport(found.diagnostics, space, 1, folds)
    combinations = to_check(space)
    blame = Blame(Trials(space), combinations.domains)
    sizes = _Sizes()
    if not combinations.faults:
        _compile_all(combinations, blame, sizes)
    diagnostics = (*found.diagnostics, *combinations.faults, *blame.reported)
    return SpaceReport(
        in_file_order(diagnostics),
        space,
        _trials(space),
        folds,
        len(combinations.found),
        combinations.complete,
        sizes.limits(),
    )


def _compile_all(combinations: Combinations, blame: Blame, sizes: _Sizes) -> None:
    """Compile the trials, and collect their faults and sizes."""
    last: int | None = None
    for one in combinations.found:
        values = blame.without_wrong_paths(one)
        if blame.is_known(values):
            continue
        outcome = blame.trials.outcome(values)
        sizes.add(outcome.compiled)
        for fault in outcome.errors:
            blame.add(fault, values)
        if blame.reported and last is None:
            last = len(blame.trials.known) + combinations.most // _AFTER_A_FAULT
        too_many = last is not None and len(blame.trials.known) >= last
        if too_many or len(blame.reported) >= _MOST_REPORTED:
            return


def with_space(
    checked: Checked[Compiled | None],
) -> tuple[Checked[Compiled | None], SpaceReport | None]:
    """A checked spec with the faults of its space, and the report; None if it has no sweep, or
    errors that the trials would repeat.
    """
    if checked.value is None or checked.value.sweep is None or not checked.ok:
        return checked, None
    report = check_space(checked.value)
    diagnostics = in_file_order((*checked.diagnostics, *report.diagnostics))
    return Checked(checked.value, diagnostics), report


def _trials(space: Space) -> int | None:
    """The number of trials."""
    sweep = space.sweep
    size = grid_size(space) if sweep.is_grid else None
    if size is None or sweep.trials is None:
        return size if sweep.trials is None else sweep.trials
    return min(size, sweep.trials)


class _Sizes:
    """Collects the sizes of models."""

    def __init__(self) -> None:
        self.found: dict[str, list[int]] = {name: [] for name in SIZES}
        self.unknown: set[str] = set()

    def add(self, compiled: Compiled | None) -> None:
        if compiled is None or compiled.graph is None:
            return
        for name in SIZES:
            value = static_number(name, compiled.graph, compiled.training).value
            if isinstance(value, int):
                self.found[name].append(value)
            else:
                self.unknown.add(name)

    def limits(self) -> dict[str, Limits]:
        return {
            name: Limits(min(values), max(values))
            for name, values in self.found.items()
            if values and name not in self.unknown
        }
