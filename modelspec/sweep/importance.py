"""How much each parameter of a sweep matters for its objectives."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from modelspec.compiler.spec.sweep_section import Sweep

from .proposal import shadow
from .storage import Storage

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_FEWEST: Final = 4
"""The fewest completed trials for an estimate."""


def _objective(at: int, trial: FrozenTrial) -> float:
    return float(trial.values[at])


def importances(sweep: Sweep, storage: Storage) -> list[Mapping[str, float]]:
    """For each objective the share of each parameter by path, the largest first, by PED-ANOVA;
    empty for too few trials, or if all are equally good.
    """
    from optuna.importance import get_param_importances
    from optuna.trial import TrialState

    done = [one for one in storage.trials() if one.state == TrialState.COMPLETE]
    if len(done) < _FEWEST or not sweep.is_search:
        return []
    study, _ = shadow(sweep, done)
    found: list[Mapping[str, float]] = []
    for at in range(len(sweep.objectives)):
        shares: Mapping[str, float] = {}
        with warnings.catch_warnings(), suppress(ValueError, RuntimeError, ZeroDivisionError):
            warnings.simplefilter("ignore")
            shares = get_param_importances(study, target=partial(_objective, at))
        found.append({path: one for path, one in shares.items() if one == one})
    return found
