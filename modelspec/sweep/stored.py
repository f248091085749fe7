"""The trials of a storage as `Trial`, and the results that workers write into it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from modelspec.compiler.space import Space
from modelspec.errors import RunError

from .distributions import value_of
from .proposal import Proposal
from .storage import Storage
from .trials import State, Trial, trial_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RESULT: Final = "modelspec:result"
"""The attribute of a trial with everything besides its values and objectives."""


@dataclass(frozen=True)
class Result:
    """How a trial ended."""

    state: State
    objectives: tuple[float, ...] = ()
    seconds: float = 0.0
    runs: tuple[str, ...] = ()
    is_reused: bool = False
    fault: str | None = None
    folds: tuple[Mapping[str, float], ...] = field(default=())
    unmet: tuple[str, ...] = ()
    digest: str | None = None
    """The fingerprint of its resolved spec."""

    def as_json(self) -> dict[str, Any]:
        """What is stored besides the state and the objectives."""
        return {
            "seconds": self.seconds,
            "runs": list(self.runs),
            "reused": self.is_reused,
            "fault": self.fault,
            "folds": [
                {name: one for name, one in each.items() if math.isfinite(one)}
                for each in self.folds
            ],
            "unmet": list(self.unmet),
            "fingerprint": self.digest,
        }


def is_finished(found: FrozenTrial) -> bool:
    """Whether a stored trial has ended."""
    return bool(found.state.is_finished())


def view(space: Space, found: FrozenTrial) -> Trial:
    """A stored trial. Raises `RunError` (MS917) if its values are not of the space of the sweep."""
    result = found.user_attrs.get(RESULT)
    read = trial_of(
        {**(result if isinstance(result, dict) else {}), "number": 0, "state": "running"}
        | {"values": {}}
    )
    assert read is not None
    states: dict[str, State] = {"COMPLETE": "completed", "PRUNED": "pruned", "FAIL": "failed"}
    state = states.get(found.state.name, "running")
    curve = found.intermediate_values
    return Trial(
        found.number,
        state,
        values(space, found),
        tuple(found.values or ()) if space.sweep.objectives else (),
        tuple(curve[step] for step in sorted(curve)),
        read.seconds if state != "running" else None,
        read.runs,
        read.is_reused,
        read.fault,
        read.folds,
        read.unmet,
    )


def views(space: Space, trials: Sequence[FrozenTrial]) -> list[Trial]:
    """Stored trials, in their order. Raises as `view`."""
    return [view(space, one) for one in trials]


def values(space: Space, found: FrozenTrial) -> dict[str, Any]:
    """What a stored trial sets, by path, in the order of the spec. Raises `RunError` (MS917)."""
    from .distributions import distribution

    known = {one.path: one for one in space.parameters}
    try:
        for path, own in found.distributions.items():
            if path not in known or own != distribution(known[path]):
                raise ValueError(f"`{path}` is not a parameter of the sweep")
        return {
            path: value_of(one, found.params[path])
            for path, one in known.items()
            if path in found.params
        }
    except ValueError as error:
        raise RunError.of(
            "MS917",
            f"trial {found.number} does not belong to this sweep: {error}",
            help="start a new sweep with `--fresh`",
        ) from None


def create(storage: Storage, proposal: Proposal, lease: Mapping[str, Any]) -> FrozenTrial:
    """Stores a proposed trial as running, with its worker, in one write."""
    from optuna.trial import TrialState, create_trial

    from .leases import LEASE

    template = create_trial(
        state=TrialState.RUNNING,
        params=dict(proposal.params),
        distributions=dict(proposal.distributions),
        user_attrs={LEASE: dict(lease)},
        system_attrs=dict(proposal.attributes),
    )
    at = storage.optuna.create_new_trial(storage.study_id, template_trial=template)
    return storage.optuna.get_trial(at)


def report(
    storage: Storage, number: int, epoch: int, value: float, attributes: Mapping[str, Any]
) -> None:
    """Stores the objective after an epoch, and what the pruner records."""
    at = storage.trial_id(number)
    storage.optuna.set_trial_intermediate_value(at, epoch, value)
    for name, one in attributes.items():
        if name.startswith("completed_rung_"):
            storage.optuna.set_trial_system_attr(at, name, one)


def finish(storage: Storage, number: int, result: Result) -> None:
    """Stores the end of a trial. A killed process leaves it running, and its runs complete."""
    from optuna.trial import TrialState

    at = storage.trial_id(number)
    storage.optuna.set_trial_user_attr(at, RESULT, result.as_json())
    state = {
        "completed": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAIL,
    }[result.state]
    found = storage.optuna.get_trial(at)
    objectives: Sequence[float] | None = result.objectives or None
    if result.state == "completed" and objectives is None:
        objectives = (0.0,)  # cross-validation without a search
    if result.state == "pruned" and found.intermediate_values:
        objectives = (found.intermediate_values[max(found.intermediate_values)],)
    if objectives is not None and any(map(math.isnan, objectives)):
        state, objectives = TrialState.FAIL, None
    storage.optuna.set_trial_state_values(
        at, state, list(objectives) if objectives is not None else None
    )
