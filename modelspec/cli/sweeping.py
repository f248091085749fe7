"""Runs and shows a sweep for `modelspec sweep`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.space import Space
from modelspec.sweep.folder import REPORT, TABLE, SweepFolder
from modelspec.sweep.folds import Means, means
from modelspec.sweep.trials import Trial, pareto, ranked, winner_of
from modelspec.sweep.unmet import decisions, unmet

from . import status
from .output import write
from .sweep_table import Display, numbers, summary, table

if TYPE_CHECKING:
    from modelspec.runtime.history.decide import Decision
    from modelspec.sweep.engine import Opened

_BEST = 20
"""The most trials in the table of a finished sweep."""


@dataclass(frozen=True)
class Asked:
    """The arguments of the command."""

    file: str
    overrides: dict[str, Any]
    jobs: int
    storage: str | None
    ray: str | None
    fresh: bool
    quiet: bool
    worker: Path | None


@dataclass(frozen=True)
class Found:
    """The trials of a sweep."""

    space: Space
    folder: SweepFolder
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The best trial; without a search the only one."""
        return winner_of(self.trials, self.space.sweep.objectives)

    @property
    def means(self) -> Means | None:
        """The metrics of the best trial over its folds."""
        best = self.best
        return means(self.space.compiled, best.folds) if best is not None and best.folds else None

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """Which expectations the best trial meets."""
        return decisions(self.space, self.best) if self.best is not None else ()

    @property
    def status(self) -> int:
        """The exit status of the command."""
        if self.best is None:
            return status.FAILED
        return status.UNMET if unmet(self.decisions) else status.OK

    def as_json(self) -> dict[str, Any]:
        """As with `--format json`."""
        from modelspec.runtime.history.formatting import for_json

        objectives = self.space.sweep.objectives
        over = self.means
        found = {
            "sweep": str(self.folder.path),
            "best": self.best.number if self.best is not None else None,
            "front": [one.number for one in pareto(self.trials, objectives)]
            if len(objectives) > 1
            else None,
            "folds": {
                name: {"mean": one.mean, "std": one.std} for name, one in over.metrics.items()
            }
            if over is not None
            else None,
            "trials": [one.as_json() for one in self.trials],
        }
        result: dict[str, Any] = for_json(found)
        return result

    def text(self) -> str:
        """The best trials, and what they are compared by."""
        sweep = self.space.sweep
        if not sweep.is_search:
            return self._folds()
        order = ranked(self.trials, sweep.objectives)
        others = [one for one in self.trials if one not in order]
        shown = [*order, *others][:_BEST]
        left = len(self.trials) - len(shown)
        more = [f"{left} more in {self.folder.path / TABLE}"] if left > 0 else []
        folds = [self._folds()] if self.means is not None else []
        return "\n".join(
            [table(self.space, shown), *more, summary(self.space, self.trials), *folds]
        )

    def _folds(self) -> str:
        """The metrics of each fold, with mean and standard deviation."""
        from modelspec.core.text_table import text_table
        from modelspec.runtime.history.formatting import number

        over, best = self.means, self.best
        if over is None or best is None:
            faults = [one.fault for one in self.trials if one.fault]
            return faults[0] if faults else "no fold was trained"
        header = ["", *(f"fold {at}" for at in range(len(best.folds))), "mean", "std"]
        rows = [
            [name, *map(number, one.values), number(one.mean), number(one.std)]
            for name, one in over.metrics.items()
        ]
        return text_table(header, rows)


def shown(space: Space) -> Found | None:
    """The newest sweep of the spec, from its files; None without one. Exits if they are damaged."""
    from modelspec.sweep.folder import find
    from modelspec.sweep.identity import identity

    from .failures import failures

    with failures():
        folder = find(space.compiled.name, identity(space))
        return None if folder is None else Found(space, folder, tuple(folder.trials()))


def ran(space: Space, asked: Asked) -> Found:
    """Runs the sweep until it ends. Raises `RunError`; exits with 75 after a signal."""
    from modelspec.sweep.engine import open_sweep

    if asked.worker is not None:
        return _work(space, asked)
    opened = open_sweep(space, storage=asked.storage, fresh=asked.fresh, jobs=asked.jobs)
    folder = opened.plan.folder
    if not asked.quiet:
        begun = opened.trials()
        verb = f"continues after {len(begun)} trials in" if begun else "in"
        write(f"sweep {verb} {folder.path}")
    stopped = False
    with Display(space, quiet=asked.quiet, jobs=asked.jobs) as display:
        display.begin(opened.trials())
        try:
            stopped = _with_workers(opened, asked, display)
        except KeyboardInterrupt:  # `Interrupted` is one
            stopped = True
    trials = opened.write()
    if stopped:
        _exit_interrupted(space, asked, trials)
    return Found(space, folder, tuple(trials))


def _with_workers(opened: Opened, asked: Asked, display: Display) -> bool:
    """Runs the trials; returns whether a signal ended them."""
    if asked.ray is not None:
        from modelspec.sweep.on_ray import run_on_ray

        assert asked.storage is not None
        run_on_ray(opened, asked.ray, asked.storage, display.changed)
        return False
    if asked.jobs == 1:
        from modelspec.sweep.engine import work

        work(opened, display)  # type: ignore[arg-type]  # it has the method of `Events`
        return False
    from modelspec.sweep.processes import run_workers, worker_words

    words = worker_words(opened, asked.file, asked.storage)
    return run_workers(opened, words, display.changed)


def _work(space: Space, asked: Asked) -> Found:
    """One of several workers: its trials are shown by the process that started it."""
    from modelspec.sweep.engine import reopen, work
    from modelspec.sweep.folder import read_folder

    assert asked.worker is not None
    folder = read_folder(asked.worker)
    opened = reopen(space, folder, asked.storage, asked.jobs)
    try:
        work(opened)
    except KeyboardInterrupt:
        sys.exit(status.INTERRUPTED)
    return Found(space, folder, ())


def _exit_interrupted(space: Space, asked: Asked, trials: list[Trial]) -> None:
    ended = sum(one.has_ended for one in trials)
    said = f"interrupted after {ended} trial{'' if ended == 1 else 's'}"
    storage = " --storage ..." if asked.storage else ""
    write(f"{said}; to continue: modelspec sweep {asked.file}{storage}", sys.stderr)
    sys.exit(status.INTERRUPTED)


def write_result(found: Found) -> None:
    """The best trials, where the files are, and how to train the winner."""
    write(found.text())
    best = found.best
    if best is None:
        return
    if found.space.sweep.is_search:
        write(f"\nbest: {numbers(found.space, best)}")
    if found.decisions:
        from .expectations import write_expectations

        write_expectations({one.key: one.as_json() for one in found.decisions}, quiet=False)
    write(f"report: {found.folder.path / REPORT}")
