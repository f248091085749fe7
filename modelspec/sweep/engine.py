"""Runs a sweep: opens or creates its folder and storage, and works until it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from modelspec.compiler.space import Space
from modelspec.errors import RunError
from modelspec.runtime.history.run_files import file_name
from modelspec.runtime.run.manifest import spec_bytes
from modelspec.runtime.run.train import require_training
from modelspec.views.resolve import resolved_text

from .files import write_best, write_trials
from .folder import REPORT, SweepFolder, choosing, create, find
from .identity import identity
from .leases import Worker
from .storage import Storage, open_storage, studies
from .stored import views
from .trials import Trial, winner_of
from .worker import Events, Plan, SweepWorker

PACKAGES: Final = ("optuna",)


@dataclass(frozen=True)
class Opened:
    """A sweep with its storage."""

    plan: Plan
    storage: Storage

    def trials(self) -> list[Trial]:
        """All trials, as stored. Raises `RunError` (MS917)."""
        return views(self.plan.space, self.storage.trials())

    def write(self) -> list[Trial]:
        """Writes all files of the sweep, and returns its trials. Raises `RunError`."""
        from .importance import importances
        from .report import page

        trials, plan = self.trials(), self.plan
        write_trials(plan.folder, plan.space, trials)
        best = write_best(plan.folder, plan.space, trials)
        importance = importances(plan.sweep, self.storage)
        plan.folder.write(REPORT, page(plan.space, plan.folder, trials, best, importance))
        return trials


@dataclass(frozen=True)
class SweepResult:
    """A sweep that ended."""

    folder: SweepFolder
    space: Space
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The best trial; of folds without a search the only one. None if none was completed."""
        return winner_of(self.trials, self.space.sweep.objectives)


def require(space: Space) -> None:
    """Raises `RunError`: MS915 without Optuna, and those of a spec that cannot be trained."""
    packages = (*PACKAGES, *(("cmaes",) if space.sweep.sampler == "cmaes" else ()))
    for package in packages:
        if find_spec(package) is None:
            raise RunError.of(
                "MS915",
                f"`modelspec sweep` requires the package `{package}`, which is not installed",
                help="`pip install 'modelspec[sweep]'`",
            )
    require_training(space.compiled)


def open_sweep(
    space: Space, *, storage: str | None = None, fresh: bool = False, jobs: int = 1
) -> Opened:
    """The sweep of a spec: the newest one with the same identity, or a new one.

    Raises `RunError`: those of `require`, MS703 if a folder cannot be created, and those of
    `open_storage`.
    """
    require(space)
    own, name = identity(space), space.compiled.name
    study = None
    if storage is not None:
        study = _study(storage, f"{file_name(name)}-{own[:12]}", fresh=fresh)
    with choosing(name):
        folder = None if fresh and study is None else find(name, own, study)
        folder = folder or _created(space, own, study)
    return reopen(space, folder, storage, jobs)


def reopen(space: Space, folder: SweepFolder, storage: str | None, jobs: int = 1) -> Opened:
    """A sweep whose folder is known."""
    opened = open_storage(storage, folder.path, folder.study, space.sweep)
    return Opened(Plan(space, folder, jobs), opened)


def _created(space: Space, own: str, study: str | None) -> SweepFolder:
    folder = create(space.compiled.name, own, study)
    folder.write("spec.yaml", spec_bytes(space.compiled).decode("utf-8", "replace"))
    folder.write("resolved.yaml", resolved_text(space.compiled))
    return folder


def _study(storage: str, base: str, *, fresh: bool) -> str:
    """The name of a study in a shared storage: the newest one of this sweep, or the next one."""
    numbers = []
    for one in studies(storage):
        rest = one.removeprefix(base)
        if one == base:
            numbers.append(1)
        elif rest != one and rest.startswith("-") and rest[1:].isdecimal():
            numbers.append(int(rest[1:]))
    newest = max(numbers, default=0)
    number = newest + 1 if fresh else max(newest, 1)
    return base if number == 1 else f"{base}-{number}"


def work(opened: Opened, events: Events | None = None) -> None:
    """Runs trials in this process until the sweep ends, and writes their files after each.

    Raises `Interrupted` after a signal during a training, `KeyboardInterrupt` otherwise, and
    `RunError`.
    """
    worker = Worker(opened.plan.folder.path)
    try:
        SweepWorker(opened.plan, opened.storage, worker, events or Events()).work()
    finally:
        worker.close()


def result(opened: Opened) -> SweepResult:
    """Writes the report of a sweep, and returns its trials. Raises `RunError`."""
    return SweepResult(opened.plan.folder, opened.plan.space, tuple(opened.write()))


Look = Callable[[Sequence[Trial]], None]


def spec_path(space: Space) -> Path | None:
    """The file of a spec; None for standard input and for mappings of a program."""
    name = space.compiled.file.document.root.span.file
    path = Path(name)
    return path if not name.startswith("<") and path.is_file() else None
