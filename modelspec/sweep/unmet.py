"""The expectations that a trial does not meet, by the spec as it is now: they may have changed
since the trial ended, without making another sweep.
"""

from __future__ import annotations

from pathlib import Path

from modelspec.compiler.space import Space
from modelspec.runtime.history import read_record
from modelspec.runtime.history.decide import Decision, decisions_of

from .folds import means
from .trials import Trial


def decisions(space: Space, trial: Trial) -> tuple[Decision, ...]:
    """The decisions about a completed trial: those over its folds, and of a single run its own."""
    found = means(space.compiled, trial.folds).decisions if trial.folds else ()
    if trial.folds or len(trial.runs) != 1:
        return found
    checked = space.compiled_with(trial.values)
    record = read_record(Path(trial.runs[0])).value
    if not checked.ok or checked.value is None or record is None:
        return found
    return (*found, *decisions_of(record, checked.value))


def unmet(found: tuple[Decision, ...]) -> tuple[str, ...]:
    """The keys of those that do not hold."""
    return tuple(one.key for one in found if one.holds is False and one.severity == "error")
