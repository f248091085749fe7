"""The values of the next trial: a function of the sweep, the number of the trial, and the trials
before it.

They are drawn in a study in memory that contains the trials so far, and enter the storage with the
trial itself, in one write: a process that is killed leaves no trial without its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from modelspec.compiler.space import Space, grid
from modelspec.compiler.spec.sweep_section import GRID, Parameter, Sweep

from .distributions import choices, distribution, value_of
from .samplers import sampler

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

STUDY: Final = "sweep"
"""The name of studies in memory. Hyperband distributes trials by it."""


@dataclass(frozen=True)
class Proposal:
    """The values of a trial."""

    number: int
    params: Mapping[str, Any]
    """As Optuna stores them."""
    distributions: Mapping[str, BaseDistribution]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the sampler records about the trial."""


def proposal(
    space: Space, trials: Sequence[FrozenTrial], pruner: BasePruner | None = None
) -> Proposal | None:
    """The values of the next trial, whose number is the count of `trials`; None after the last one
    of a grid.
    """
    number, sweep = len(trials), space.sweep
    if not sweep.is_search:
        return Proposal(0, {}, {}) if number == 0 else None
    if sweep.sampler == GRID:
        return _of_grid(space, number)
    own = sampler(space, number)
    study, storage = shadow(sweep, trials, own, pruner)
    trial = study.ask()
    values: dict[str, Any] = {}
    for one in space.parameters:
        if space.is_active(one, values):
            values[one.path] = value_of(one, _suggested(trial, one))
    found = storage.get_trial(trial._trial_id)
    return Proposal(number, found.params, found.distributions, found.system_attrs)


def _of_grid(space: Space, number: int) -> Proposal | None:
    """The combination with a number."""
    values = next(islice(grid(space), number, None), None)
    if values is None:
        return None
    params, distributions = {}, {}
    for one in space.parameters:
        if one.path not in values:
            continue
        value = values[one.path]
        distributions[one.path] = distribution(one)
        params[one.path] = choices(one)[_index(one, value)] if one.kind == "values" else value
    return Proposal(number, params, distributions)


def _index(parameter: Parameter, value: Any) -> int:
    """The position of a value of a list, in which 1 and true differ."""
    return next(at for at, one in enumerate(parameter.values) if repr(one) == repr(value))


def _suggested(trial: Any, parameter: Parameter) -> Any:
    """What the sampler draws for a parameter."""
    found: Any = distribution(parameter)
    if parameter.kind == "values":
        return trial.suggest_categorical(parameter.path, choices(parameter))
    if parameter.kind == "integers":
        return trial.suggest_int(
            parameter.path,
            found.low,
            found.high,
            step=found.step,
            log=found.log,
        )
    return trial.suggest_float(
        parameter.path,
        found.low,
        found.high,
        step=found.step,
        log=found.log,
    )


def directions(sweep: Sweep) -> list[Any]:
    """The direction of each objective for Optuna; without a search one that nothing reads."""
    found = ["maximize" if one.maximize else "minimize" for one in sweep.objectives]
    return found or ["minimize"]


def shadow(
    sweep: Sweep,
    trials: Sequence[FrozenTrial],
    chosen: BaseSampler | None = None,
    pruner: BasePruner | None = None,
) -> tuple[Study, BaseStorage]:
    """A study in memory with some trials, in their order."""
    import optuna

    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(
        storage=storage,
        study_name=STUDY,
        sampler=chosen or optuna.samplers.RandomSampler(seed=0),
        pruner=pruner or optuna.pruners.NopPruner(),
        directions=directions(sweep),
    )
    at = storage.get_study_id_from_name(STUDY)
    for one in trials:
        storage.create_new_trial(at, template_trial=one)
    return study, storage
