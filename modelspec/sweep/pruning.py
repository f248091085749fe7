"""Whether a trial is ended early: a function of its own curve and of the other trials.

The decision of an epoch is computed by replaying the curve of the trial, so that a resumed run gets
the decisions that the undisturbed one got.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from modelspec.compiler.spec.sweep_section import Sweep

from .proposal import shadow

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

_REPLAYED: Final = ("asha", "hyperband")
"""Pruners that record which of their rungs a trial has passed."""


@dataclass(frozen=True)
class Verdict:
    """The decision after an epoch."""

    prunes: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the pruner records about the trial, for the decisions about others."""


def pruner(sweep: Sweep, epochs: int) -> BasePruner | None:
    """The pruner of a sweep; `epochs` is the length of a whole training."""
    from optuna import pruners

    settings = sweep.pruner_settings
    least = int(settings.get("min_epochs") or 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about experimental pruners
        if sweep.pruner == "median":
            startup = settings.get("startup_trials")
            # A step is an epoch from 1: the first decision is that after `min_epochs`.
            return pruners.MedianPruner(
                n_startup_trials=5 if startup is None else int(startup), n_warmup_steps=least
            )
        if sweep.pruner == "asha":
            return pruners.SuccessiveHalvingPruner(
                min_resource=least, reduction_factor=max(2, int(settings.get("reduction") or 4))
            )
        if sweep.pruner == "hyperband":
            longest = int(settings.get("max_epochs") or epochs)
            return pruners.HyperbandPruner(
                min_resource=min(least, longest),
                max_resource=longest,
                reduction_factor=max(2, int(settings.get("reduction") or 3)),
            )
    return None


def verdict(
    sweep: Sweep,
    epochs: int,
    trials: Sequence[FrozenTrial],
    number: int,
    curve: Mapping[int, float],
) -> Verdict:
    """Whether the trial with a number ends after the last epoch of its `curve`, a value for each
    epoch from 1. `trials` are all trials of the sweep, in their order.
    """
    chosen = pruner(sweep, epochs)
    if chosen is None or not curve:
        return Verdict()
    others = [_unmarked(one) if one.number == number else one for one in trials]
    study, storage = shadow(sweep, others, pruner=chosen)
    at = study.get_trials(deepcopy=False)[number]._trial_id
    prunes = False
    last = max(curve)
    for epoch in sorted(curve):
        storage.set_trial_intermediate_value(at, epoch, curve[epoch])
        if sweep.pruner in _REPLAYED or epoch == last:
            prunes = chosen.prune(study, storage.get_trial(at))
    return Verdict(prunes, storage.get_trial(at).system_attrs)


def _unmarked(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it was proposed: without its curve, and the marks of a pruner."""
    import copy

    found = copy.copy(trial)
    found.intermediate_values = {}
    marks = [name for name in trial.system_attrs if name.startswith("completed_rung_")]
    found.system_attrs = {
        name: value for name, value in trial.system_attrs.items() if name not in marks
    }
    return found
