"""A worker: proposes trials, runs them one after the other in this process, and stores the results.

Proposing, and taking over the trial of a worker that died, happen under the lock of the storage:
the trials of all workers together are as many as the spec says, and none is run twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.space import Space
from modelspec.compiler.spec.sweep_section import Sweep

from . import stored
from .files import write_trials
from .folder import SweepFolder
from .leases import LEASE, Worker
from .proposal import proposal
from .pruning import pruner, verdict
from .storage import Storage
from .trial_runs import TrialRuns
from .trials import Trial, since_better

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_WAIT: Final = 1.0
"""Seconds between two looks at the trials of other workers."""


class Events:
    """What a worker reports; ignores all of it."""

    def changed(self, trials: Sequence[Trial]) -> None:
        """A trial began, ended, or reported an epoch."""


@dataclass(frozen=True)
class Plan:
    """A sweep to run."""

    space: Space
    folder: SweepFolder
    jobs: int = 1
    """The workers of this host; their trials share the time of the sweep."""

    @property
    def sweep(self) -> Sweep:
        """The section of the spec."""
        return self.space.sweep

    @property
    def compiled(self) -> Compiled:
        """The spec with its own values."""
        return self.space.compiled

    @property
    def epochs(self) -> int:
        """The epochs of a training, for pruners that need the length of a whole one."""
        own = self.compiled.training.epochs if self.compiled.training is not None else 1
        listed = [
            value
            for one in self.sweep.parameters
            if one.path == "training.epochs"
            for value in (one.values or (one.high,))
        ]
        return max([own, *(int(one) for one in listed if isinstance(one, (int, float)))])


@dataclass
class SweepWorker:
    """One worker of a sweep."""

    plan: Plan
    storage: Storage
    worker: Worker
    events: Events = field(default_factory=Events)
    _began: float = 0.0
    _before: float | None = None
    """Seconds of the trials that had ended when this worker began."""
    _views: dict[int, Trial] = field(default_factory=dict)

    def work(self) -> None:
        """Runs trials until the sweep ends. Raises `Interrupted` after a signal, and `RunError` if
        the storage or the data cannot be used.
        """
        self._began = time.monotonic()
        runs = TrialRuns(self.plan)
        try:
            self._work(runs)
        finally:
            runs.memory.close()

    def _work(self, runs: TrialRuns) -> None:
        while True:
            found, others = self._next()
            if found is None and not others:
                return
            if found is None:
                time.sleep(_WAIT)  # a trial of a worker that dies is taken over
                continue
            self._run(found, runs)

    # The next trial -------------------------------------------------------------------------------

    def _next(self) -> tuple[FrozenTrial | None, bool]:
        """The next trial of this worker, and whether other workers still run some."""
        with self.storage.locked():
            trials = self.storage.trials()
            self._look(trials)
            running = [one for one in trials if not stored.is_finished(one)]
            left = [one for one in running if not self.worker.is_alive(one)]
            if left:
                return self._taken_over(left[0]), True
            if not self.has_ended(trials):
                return self._proposed(trials), bool(running)
            return None, bool(running)

    def _taken_over(self, trial: FrozenTrial) -> FrozenTrial:
        at = self.storage.trial_id(trial.number)
        self.storage.optuna.set_trial_user_attr(at, LEASE, self.worker.lease())
        return self.storage.optuna.get_trial(at)

    def _proposed(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        sweep = self.plan.sweep
        found = proposal(self.plan.space, trials, pruner(sweep, self.plan.epochs))
        if found is None:
            return None
        return stored.create(self.storage, found, self.worker.lease())

    def has_ended(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether no further trial begins: the sweep has all of them, its time is over, or none was
        better for `patience` trials.
        """
        sweep = self.plan.sweep
        if sweep.trials is not None and len(trials) >= sweep.trials:
            return True
        views = list(self._views.values())
        if sweep.patience is not None and since_better(views, sweep.objectives) >= sweep.patience:
            return True
        if sweep.timeout is None:
            return False
        return (self._before or 0.0) + time.monotonic() - self._began >= sweep.timeout

    def _look(self, trials: Sequence[FrozenTrial]) -> None:
        """The views of all trials; those of ended ones are computed once."""
        for one in trials:
            known = self._views.get(one.number)
            if known is None or not known.has_ended:
                self._views[one.number] = stored.view(self.plan.space, one)
        if self._before is None:
            seconds = sum(one.seconds or 0.0 for one in self._views.values())
            self._before = seconds / self.plan.jobs
        self.events.changed(self.views)

    @property
    def views(self) -> list[Trial]:
        """The trials so far, by number."""
        return [self._views[number] for number in sorted(self._views)]

    # Running it -----------------------------------------------------------------------------------

    def _run(self, trial: FrozenTrial, runs: TrialRuns) -> None:
        number = trial.number
        self._show(number)
        values = stored.values(self.plan.space, trial)
        decide = self._decider(number)
        with self.worker.leasing(self.storage, number), _counted() as seconds:
            result = runs.result(number, values, decide, self.views)
        if result.error is not None and not any(one.state == "completed" for one in self.views):
            # Every other trial would fail as well. This one is repeated by the next process.
            raise result.error
        for epoch, value in result.curve.items():
            stored.report(self.storage, number, epoch, value, {})
        stored.finish(self.storage, number, result.timed(seconds()))
        self._show(number)
        write_trials(self.plan.folder, self.plan.space, self.views)

    def _decider(self, number: int) -> Callable[[int, float], bool]:
        """Stores the objective of an epoch; returns whether the pruner ends the trial there."""
        sweep = self.plan.sweep
        at = self.storage.trial_id(number)
        curve = dict(self.storage.optuna.get_trial(at).intermediate_values)

        def decide(epoch: int, value: float) -> bool:
            for later in [one for one in curve if one >= epoch]:
                del curve[later]  # the run was resumed before it
            curve[epoch] = value
            stored.report(self.storage, number, epoch, value, {})
            if sweep.pruner is None or len(sweep.objectives) != 1:
                self._show(number)
                return False
            found = verdict(sweep, self.plan.epochs, self.storage.trials(), number, curve)
            stored.report(self.storage, number, epoch, value, found.attributes)
            self._show(number)
            return found.prunes

        return decide

    def _show(self, number: int) -> None:
        found = self.storage.optuna.get_trial(self.storage.trial_id(number))
        self._views[number] = stored.view(self.plan.space, found)
        self.events.changed(self.views)


@contextmanager
def _counted() -> Iterator[Callable[[], float]]:
    began = time.perf_counter()
    yield lambda: round(time.perf_counter() - began, 3)
