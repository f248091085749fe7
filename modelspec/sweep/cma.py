"""CMA-ES as a function of the trials before: its state is computed again for every proposal.

Optuna's own sampler stores its state as a pickle in the trials, which a sweep of a stranger could
use to run code, and which another process cannot compute again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

from modelspec.compiler.spec.sweep_section import Sweep

from .distributions import distribution

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

GENERATION: Final = "modelspec:generation"
"""The attribute of a trial with the number of its generation."""
_SIGMA: Final = 1 / 6


class CmaSampler(BaseSampler):
    """Proposes the values of the unconditional ranges of a sweep together; all others at random."""

    def __init__(self, sweep: Sweep, seed: int, number: int) -> None:
        from .samplers import seed_of, setting

        self._space = {
            one.path: distribution(one)
            for one in sweep.parameters
            if one.kind != "values" and one.when is None and one.low < one.high
        }
        self._seed, self._own = seed_of(seed, 0), seed_of(seed, number)
        self._startup = int(setting(sweep, "startup_trials", 1))
        self._sigma = float(setting(sweep, "sigma", _SIGMA))
        usual = 4 + math.floor(3 * math.log(max(len(self._space), 1)))
        self._population = max(2, int(setting(sweep, "population", usual)))
        self._sign = -1.0 if sweep.objectives[0].maximize else 1.0
        self._random = RandomSampler(seed=self._own)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The ranges that are proposed together; none for the first trials."""
        ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        # With one number every direction is the same: there is nothing to adapt.
        return dict(self._space) if len(self._space) > 1 and len(ended) >= self._startup else {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values from the distribution after all complete generations."""
        if not search_space:
            return {}
        from cmaes import CMA

        bounds = np.tile([0.0, 1.0], (len(search_space), 1))
        optimizer = CMA(
            np.full(len(search_space), 0.5),
            self._sigma,
            bounds,
            seed=self._seed,
            population_size=self._population,
        )
        generation = self._replay(optimizer, study)
        optimizer.reseed_rng(self._own)
        # The trial of an in-memory study, which `proposal` made for it.
        study._storage.set_trial_system_attr(trial._trial_id, GENERATION, generation)
        found = optimizer.ask()
        return {
            name: _value(one, float(at))
            for (name, one), at in zip(search_space.items(), found, strict=True)
        }

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A random value."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _replay(self, optimizer: Any, study: Study) -> int:
        """Reports the complete generations of the trials; returns the number of the next one."""
        ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        generation = 0
        while True:
            made = [one for one in ended if one.system_attrs.get(GENERATION) == generation]
            found = self._solutions(made)
            if len(found) < self._population:
                return generation
            optimizer.tell(found[: self._population])
            generation += 1

    def _solutions(self, trials: Sequence[FrozenTrial]) -> list[tuple[Any, float]]:
        """The positions and values of trials, in their order."""
        found = []
        for one in trials:
            if one.values is None or any(name not in one.params for name in self._space):
                continue
            at = [_position(each, one.params[name]) for name, each in self._space.items()]
            value = self._sign * one.values[0]
            found.append((np.array(at), math.inf if math.isnan(value) else value))
        return found


def _ends(one: BaseDistribution) -> tuple[float, float, bool]:
    """The ends of the range of a number, and whether it is logarithmic. An integer has half a step
    at each end, so that all integers are equally likely.
    """
    assert isinstance(one, (FloatDistribution, IntDistribution))
    half = (one.step or 0) / 2
    low, high = one.low - half, one.high + half
    if one.log:
        low = max(low, one.low / 2)
        return math.log(low), math.log(high), True
    return low, high, False


def _position(one: BaseDistribution, value: float) -> float:
    """The place of a value in its range, from 0 to 1."""
    low, high, logarithmic = _ends(one)
    return ((math.log(value) if logarithmic else value) - low) / (high - low)


def _value(one: BaseDistribution, at: float) -> int | float:
    """The value at a place of a range."""
    assert isinstance(one, (FloatDistribution, IntDistribution))
    low, high, logarithmic = _ends(one)
    value = low + min(max(at, 0.0), 1.0) * (high - low)
    value = math.exp(value) if logarithmic else value
    if one.step:
        value = one.low + round((value - one.low) / one.step) * one.step
    value = min(max(value, one.low), one.high)
    return int(value) if isinstance(one, IntDistribution) else float(value)
