"""The spec of a trial of a sweep: `modelspec train SPEC --from-sweep best`."""

from __future__ import annotations

from typing import Any

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.space import Space, space_of
from modelspec.core.diagnostics import Checked, Diagnostic, Fault
from modelspec.errors import RunError

from .folder import SweepFolder, find, sweeps_of, unreadable
from .identity import identity
from .trials import Trial, best_of

BEST = "best"


def winner(compiled: Compiled, which: str) -> Checked[Compiled | None]:
    """The spec with the values of a trial of its newest sweep: `best`, or a number.

    Faults: MS922 for a spec without `sweep`, MS920 if it has no such trial, MS917 if the sweep
    cannot be read, and those of the spec.
    """
    found = space_of(compiled)
    if found.value is None:
        return Checked(None, found.diagnostics or (without_sweep(compiled),))
    try:
        trial = chosen(found.value, which)
    except RunError as error:
        return Checked(None, error.diagnostics)
    return found.value.compiled_with(trial.values)


def values_of(compiled: Compiled, which: str) -> dict[str, Any]:
    """The values of a trial by path, of a spec with a `winner`. Raises `RunError`: MS920, MS917."""
    found = space_of(compiled).value
    return dict(chosen(found, which).values) if found is not None else {}


def chosen(space: Space, which: str) -> Trial:
    """A trial of the newest sweep of a spec. Raises `RunError`: MS920, MS917."""
    folder = find(space.compiled.name, identity(space))
    if folder is None:
        raise _none(space)
    trials = folder.trials()
    trial = _best(space, trials) if which == BEST else _numbered(trials, which)
    if trial is None:
        numbers = [one.number for one in trials if one.has_ended]
        has = f"it has the trials 0 to {max(numbers)}" if numbers else "no trial has ended"
        what = "no trial was completed" if which == BEST else f"no trial `{which}`"
        raise RunError.of("MS920", f"`{folder.path}` has {what}", help=has)
    return Trial(trial.number, trial.state, checked_values(space, folder, trial))


def _best(space: Space, trials: list[Trial]) -> Trial | None:
    return best_of(trials, space.sweep.objectives) if space.sweep.objectives else None


def _numbered(trials: list[Trial], which: str) -> Trial | None:
    return next((one for one in trials if str(one.number) == which), None)


def checked_values(space: Space, folder: SweepFolder, trial: Trial) -> dict[str, Any]:
    """The values of a trial in a file, which must be of the space of the sweep. Raises `RunError`
    (MS917).
    """
    known = {one.path: one for one in space.parameters}
    for path, value in trial.values.items():
        one = known.get(path)
        if one is None:
            raise unreadable(folder.path, f"`{path}` is not a parameter of the sweep")
        if one.kind == "values":
            is_of_space = any(_same(value, other) for other in one.values)
        else:
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            is_of_space = is_number and one.low <= value <= one.high
        if not is_of_space:
            raise unreadable(folder.path, f"{value!r} is not a value of `{path}`")
    return dict(trial.values)


def _same(value: Any, other: Any) -> bool:
    """Whether a value of JSON is one of the spec, in which a list may be a tuple."""
    if isinstance(other, (list, tuple)):
        return (
            isinstance(value, list) and len(value) == len(other) and all(map(_same, value, other))
        )
    return type(value) is type(other) and bool(value == other)


def _none(space: Space) -> RunError:
    """MS920 for a spec without a sweep."""
    others = sweeps_of(space.compiled.name)
    why = (
        f"`{others[0].path}` is the sweep of another version of the spec"
        if others
        else "`modelspec sweep` runs it"
    )
    return RunError.of("MS920", "the spec has no sweep in `runs`", help=why)


def without_sweep(compiled: Compiled) -> Diagnostic:
    """MS922."""
    fault = Fault(
        "MS922",
        "the spec has no `sweep`",
        help="`modelspec explain sweep` shows an example",
    )
    return fault.at(compiled.file.document.root.span)
