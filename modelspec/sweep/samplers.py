"""Optuna's samplers for the `sampler` of a sweep, seeded for one trial.

A sampler lives for one proposal. Its random numbers follow from the seed of the spec and the number
of the trial, so that a resumed sweep draws the numbers of the undisturbed one.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.compiler.space import Space
from modelspec.compiler.spec.sweep_section import Sweep

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def seed_of(seed: int, number: int) -> int:
    """The seed of the sampler of a trial, below 2^32."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def sampler(space: Space, number: int) -> BaseSampler:
    """The sampler of the trial with a number."""
    from optuna import samplers

    sweep, seed = space.sweep, space.compiled.file.seed
    own = seed_of(seed, number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about experimental arguments
        if sweep.sampler == "tpe":
            return samplers.TPESampler(
                seed=own,
                n_startup_trials=int(setting(sweep, "startup_trials", 10)),
                n_ei_candidates=int(setting(sweep, "candidates", 24)),
                multivariate=bool(setting(sweep, "multivariate", False)),
            )
        if sweep.sampler == "nsga2":
            population = max(2, int(setting(sweep, "population", 50)))
            return samplers.NSGAIISampler(seed=own, population_size=population)
        if sweep.sampler == "cmaes":
            from .cma import CmaSampler

            return CmaSampler(sweep, seed, number)
    return samplers.RandomSampler(seed=own)


def setting(sweep: Sweep, name: str, default: Any) -> Any:
    """A setting of the sampler; the default if it is not given, or null."""
    found = sweep.sampler_settings.get(name)
    return default if found is None else found
