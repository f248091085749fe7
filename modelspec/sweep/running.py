"""The runs of one trial: trained, resumed where a killed process left them, or reused."""

from __future__ import annotations

import gc
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.expect_section import Expectation
from modelspec.compiler.spec.sweep_section import Objective, Sweep
from modelspec.errors import DataError, Interrupted, RunError
from modelspec.runtime.history import Record, read_record
from modelspec.runtime.history.decide import number_of, results_of
from modelspec.runtime.history.run_files import MANIFEST
from modelspec.runtime.run.folder import is_unbegun
from modelspec.runtime.run.signals import Signals

from .watching import PRUNED, TrialWatcher, logged_name

Reported = Callable[[int, float], bool]
"""Called with an epoch from 1 and the first objective; returns whether the trial ends there."""


@dataclass(frozen=True)
class RunOutcome:
    """The results of one run of a trial."""

    state: str
    """`completed`, `pruned`, or `failed`."""
    path: Path
    objectives: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    unmet: tuple[str, ...] = ()
    fault: str | None = None
    is_reused: bool = False
    error: DataError | None = None
    """Why its data cannot be used, so that its training never began."""
    curve: Mapping[int, float] = field(default_factory=dict)
    """The first objective by epoch, of a run that was not trained here."""


@dataclass(frozen=True)
class Checked:
    """A spec for `train`."""

    compiled: Compiled


def run_once(sweep: Sweep, compiled: Compiled, path: Path, reported: Reported) -> RunOutcome:
    """Trains a trial in a run folder, or continues the run that it contains.

    Raises `Interrupted` after a signal; a run that fails is an outcome.
    """
    from modelspec.runtime.run import resume, train

    signals = Signals()
    name = logged_name(sweep.objectives[0]) if sweep.objectives else None
    last = compiled.training.epochs if compiled.training is not None else 0

    def told(epoch: int, value: float, logs: Mapping[str, float]) -> bool:
        return reported(epoch, value) and epoch < last

    watcher = TrialWatcher(name, signals, told)
    try:
        if _is_begun(path):
            try:
                run = resume(path, watcher=watcher, signals=signals)
            except RunError as error:
                if not _differs(error):
                    raise
                # Another version or processor: the trial is trained here from the beginning.
                shutil.rmtree(path)
                signals = Signals()
                watcher = TrialWatcher(name, signals, told)
                run = train(Checked(compiled), path, watcher=watcher, signals=signals)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            run = train(Checked(compiled), path, watcher=watcher, signals=signals)
    except Interrupted as error:
        if error.signal != PRUNED:
            raise
        return RunOutcome("pruned", path)
    except RunError as error:
        fault = str(error)
        is_of_data = isinstance(error, DataError) and not (path / MANIFEST).exists()
        own = error if is_of_data and isinstance(error, DataError) else None
        return RunOutcome("failed", path, fault=fault, error=own)
    return of_folder(sweep, path, run.compiled)


def _is_begun(path: Path) -> bool:
    with suppress(OSError):
        return (path / MANIFEST).exists() and not is_unbegun(path)
    return False


def _differs(error: RunError) -> bool:
    return any(one.code == "MS720" for one in error.diagnostics)


def ended(path: Path) -> Record | None:
    """The record of a run that was completed, or failed."""
    record = read_record(path).value if (path / MANIFEST).exists() else None
    return record if record is not None and record.state in ("completed", "failed") else None


def of_folder(
    sweep: Sweep, path: Path, compiled: Compiled, *, is_reused: bool = False
) -> RunOutcome:
    """The results of a run that ended."""
    record = read_record(path).value
    if record is None or record.state == "failed":
        fault = (record.fault or {}).get("message") if record is not None else None
        return RunOutcome("failed", path, fault=str(fault or "the run failed"))
    results = results_of(record, compiled)
    found = []
    for one in sweep.objectives:
        value = number_of(results.metrics, _quantity(one))
        if value is None:
            return RunOutcome("failed", path, fault=f"the run has no `{one.key}`")
        found.append(float(value))
    unmet = tuple(
        key
        for key, one in record.expectations.items()
        if one.get("holds") is False and one.get("severity") == "error"
    )
    return RunOutcome(
        "completed",
        path,
        tuple(found),
        dict(results.metrics),
        unmet,
        is_reused=is_reused,
        curve=_curve(sweep, record),
    )


def _quantity(objective: Objective) -> Expectation:
    return Expectation(objective.key, (), None, objective.span)


def _curve(sweep: Sweep, record: Record) -> dict[int, float]:
    name = logged_name(sweep.objectives[0]) if sweep.objectives else None
    values = record.history.get(name, ()) if name is not None else ()
    return {at + 1: value for at, value in enumerate(values)}


class Memory:
    """Keeps memory from growing with the number of trials."""

    def __init__(self) -> None:
        self._is_frozen = False

    def forget(self) -> None:
        """Releases what the framework keeps of the last model. After the first trial, collections
        skip the objects of the loaded libraries, which would take longer than a small training.
        """
        keras: Any = sys.modules.get("keras")
        if keras is not None:
            keras.backend.clear_session(free_memory=False)
        gc.collect()
        if keras is not None and not self._is_frozen:
            gc.freeze()
            self._is_frozen = True

    def close(self) -> None:
        """Lets later collections see all objects again."""
        if self._is_frozen:
            gc.unfreeze()
            self._is_frozen = False
