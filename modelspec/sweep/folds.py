"""Cross-validation: the metrics of all folds of a trial, and the expectations about their means."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.space.folds import OverFolds, over_folds
from modelspec.runtime.history.decide import Decision, Results, baseline_of, decide

MEAN: Final = "mean"


@dataclass(frozen=True)
class Means:
    """The metrics of a trial over its folds."""

    metrics: Mapping[str, OverFolds]
    """By name: those that every fold has."""
    decisions: tuple[Decision, ...]
    """Which expectations about means hold."""

    @property
    def unmet(self) -> tuple[str, ...]:
        """The keys of those that do not hold."""
        return tuple(
            one.key for one in self.decisions if one.holds is False and one.severity == "error"
        )


def means(compiled: Compiled, folds: Sequence[Mapping[str, float]]) -> Means:
    """The means over the folds of a trial, and the decisions about them: `test_accuracy: {mean:
    ">= 0.9"}`. Expectations without `mean` are decided by the run of each fold.
    """
    names = [name for name in folds[0] if all(name in one for one in folds)] if folds else []
    found = {name: over_folds(one[name] for one in folds) for name in names}
    numbers = Results({name: one.mean for name, one in found.items()})
    asked = tuple(replace(one, over=None) for one in compiled.fold_expectations)
    decided = decide(compiled, numbers, baseline_of(compiled), asked) if asked else ()
    named = tuple(replace(one, key=f"{one.key}.{MEAN}") for one in decided)
    return Means(found, named)


def fold_table(folds: Sequence[Mapping[str, float]]) -> str:
    """The metrics of each fold, their mean and standard deviation, as CSV."""
    names = list(folds[0]) if folds else []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fold", *names])
    for number, one in enumerate(folds):
        writer.writerow([number, *(one.get(name, "") for name in names)])
    found = {
        name: over_folds(one[name] for one in folds)
        for name in names
        if all(name in one for one in folds)
    }
    for row in ("mean", "std"):
        writer.writerow(
            [row, *(getattr(found[name], row) if name in found else "" for name in names)]
        )
    return text.getvalue()
