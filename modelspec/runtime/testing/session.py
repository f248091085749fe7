"""One test of several specs: which are trained, which are reused, and the outcome of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from ..history import Record, read_record
from ..history.baseline import Baseline, checked_baseline
from ..history.decide import Results, without_baseline
from ..history.ending import reason
from ..history.fingerprint import Fingerprint, fingerprint
from ..history.run_files import file_name, numbered_folder
from . import deciding
from .opened import opened
from .outcome import Outcome, State
from .reuse import RUNS, Runs, explained
from .specs import Spec, others_with_name, shares_name
from .workers import Ended, Job, Running, remove_empty, run_all

_BY_SIGNAL: Final = (75, 130, -2, -15, -1)
"""Exit statuses of a process that ended by a signal."""
_STATUS_ERRORS: Final = (1, 2)
_STATUS_SUCCESS: Final = (0, 4)
_FAULTS: Final = ("Error", "modelspec failed:")
"""How a line of the training output begins that reports an error."""


@dataclass(frozen=True)
class Options:
    """The options of a test."""

    jobs: int = 1
    """How many are trained at once."""
    reuse: bool = True
    smoke: bool = False
    """Whether to run one batch of each instead of a training."""
    require_baseline: bool = False
    strict_time: bool = False


class Watcher:
    """Observes a test while it runs."""

    def ended(self, outcome: Outcome) -> None:
        """A spec has finished."""

    def looked(self, running: Sequence[Running], waiting: int) -> None:
        """Some are being trained."""


@dataclass(frozen=True)
class _Task:
    """A spec that has to be trained."""

    spec: Spec
    job: Job
    run: Path | None
    reason: str
    baseline: Baseline | None
    said: tuple[Diagnostic, ...]
    """The findings before training."""


def test_specs(
    specs: Sequence[Spec],
    options: Options,
    watcher: Watcher,
    faults: Callable[[Spec], tuple[Diagnostic, ...]] = lambda spec: (),
) -> tuple[list[Outcome], bool]:
    """Test checked specs; `faults` returns additional faults of one. Returns the outcomes in the
    order of the specs, and whether a signal ended the test.
    """
    return _Session(options, watcher, faults).run(specs)


class _Session:
    def __init__(
        self,
        options: Options,
        watcher: Watcher,
        faults: Callable[[Spec], tuple[Diagnostic, ...]],
    ) -> None:
        self.options = options
        self.watcher = watcher
        self.faults = faults
        self.outcomes: dict[str, Outcome] = {}
        self._runs: Runs | None = None

    @property
    def runs(self) -> Runs:
        """The existing runs; searched at the first access."""
        if self._runs is None:
            self._runs = Runs()
        return self._runs

    def run(self, specs: Sequence[Spec]) -> tuple[list[Outcome], bool]:
        tasks: dict[str, _Task] = {}
        for one in specs:
            began = time.perf_counter()
            found = self._planned(one)
            if isinstance(found, _Task):
                tasks[one.file] = found
            else:
                self._end(replace(found, seconds=time.perf_counter() - began))

        def ended(job: Job, how: Ended) -> None:
            self._end(self._trained(tasks[job.key], how))

        def look(running: Sequence[Running]) -> None:
            self.watcher.looked(running, len(specs) - len(self.outcomes) - len(running))

        jobs = [one.job for one in tasks.values()]
        stopped = run_all(jobs, self.options.jobs, ended, look) if jobs else False
        for file, task in tasks.items():
            if file not in self.outcomes:
                remove_empty(task.run)
                self._end(_outcome(task.spec, "left out", fault="interrupted before it started"))
        return [self.outcomes[one.file] for one in specs], stopped

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.file] = outcome
        self.watcher.ended(outcome)

    # Before it is trained -------------------------------------------------------------------------

    def _planned(self, spec: Spec) -> Outcome | _Task:
        """The outcome of a spec without training, or the task to train it."""
        found = (*spec.checked.diagnostics, *self.faults(spec))
        compiled = spec.compiled
        if compiled is None or any(one.severity == "error" for one in found):
            return _outcome(spec, "errors", found)
        if self.options.smoke:
            if compiled.training is None or compiled.data is None:
                return _outcome(spec, "checked", found, reason="it has no training")
            job = Job(spec.file, ("train", spec.file, "--dry-run"))
            return _Task(spec, job, None, "one batch", None, found)
        if not spec.measured:
            return _outcome(spec, "checked", found, reason=_unmeasured(compiled))
        read = checked_baseline(spec.folder, spec.name)
        if not read.ok:
            return _outcome(spec, "errors", (*found, *read.diagnostics))
        baseline = read.value
        if baseline is not None and _is_of_another(baseline, spec):
            shared = shares_name(spec.name, baseline.spec, compiled)
            return _outcome(spec, "errors", (*found, shared))
        required = self.options.require_baseline
        without = without_baseline(compiled, required=required)
        found = (*found, *without)
        if required and without:
            return _outcome(spec, "errors", found)
        return self._reused_or_trained(spec, found, baseline)

    def _reused_or_trained(
        self, spec: Spec, found: tuple[Diagnostic, ...], baseline: Baseline | None
    ) -> Outcome | _Task:
        assert spec.compiled is not None
        here = fingerprint(spec.compiled, opened)
        if here is None:
            why = "its data are unknown without training"
            return self._task(spec, "train", why, baseline, found)
        if self.options.reuse:
            reused = self._reused(spec, here, found, baseline)
            if reused is not None:
                return reused
            stopped = self.runs.stopped(here)
            if stopped is not None:
                why = f"resumes {stopped.path}, which was stopped"
                return self._task(spec, "resume", why, baseline, found, stopped.path)
        why = (
            explained(here, spec.name, self.runs, baseline)
            if self.options.reuse
            else "`--no-reuse` is given"
        )
        return self._task(spec, "train", why, baseline, found)

    def _reused(
        self,
        spec: Spec,
        here: Fingerprint,
        found: tuple[Diagnostic, ...],
        baseline: Baseline | None,
    ) -> Outcome | None:
        """The outcome from an earlier run's numbers; None if no run decides all expectations."""
        assert spec.compiled is not None
        record = self.runs.completed(here)
        if record is not None:
            why = f"{record.path} has the same fingerprint"
            measured = deciding.of_record(record, spec.compiled)
            outcome = self._decided(spec, found, measured, baseline, why)
            return replace(outcome, run=record.path, reused="run")
        if baseline is None or baseline.fingerprint is None:
            return None
        if baseline.fingerprint.digest != here.digest:
            return None
        measured = deciding.of_baseline(baseline)
        if not deciding.has_all(spec.compiled, measured):
            return None
        why = f"{baseline.run} was accepted with the same fingerprint"
        outcome = self._decided(spec, found, measured, baseline, why)
        return replace(outcome, reused="baseline")

    def _task(
        self,
        spec: Spec,
        command: str,
        why: str,
        baseline: Baseline | None,
        found: tuple[Diagnostic, ...],
        run: Path | None = None,
    ) -> _Task:
        if run is not None:
            job = Job(spec.file, (command, str(run)))
            return _Task(spec, job, run, why, baseline, found)
        parent = RUNS / file_name(spec.name)
        parent.mkdir(parents=True, exist_ok=True)
        run = numbered_folder(parent)
        job = Job(spec.file, (command, spec.file, "--run-dir", str(run)))
        return _Task(spec, job, run, why, baseline, found)

    # After it was trained -------------------------------------------------------------------------

    def _trained(self, task: _Task, how: Ended) -> Outcome:
        spec, said = task.spec, task.said
        made = _outcome(spec, "passed", said, reason=task.reason)
        made = replace(made, run=task.run, seconds=how.seconds, output=how.output)
        record = _record(task.run)
        if how.status in _BY_SIGNAL:
            to_resume = f"; to continue: modelspec resume {task.run}" if record is not None else ""
            remove_empty(task.run)
            return replace(made, state="interrupted", fault=f"interrupted{to_resume}")
        if how.status in _STATUS_SUCCESS and (record is not None or self.options.smoke):
            if record is None:
                return made
            assert spec.compiled is not None
            measured = deciding.of_record(record, spec.compiled)
            decided = self._decided(spec, said, measured, task.baseline, task.reason)
            return replace(decided, run=task.run, seconds=how.seconds, output=how.output)
        state: State = "errors" if how.status in _STATUS_ERRORS else "failed"
        why = (reason(record) if record is not None else "") or _last_fault(how.output)
        run = None if remove_empty(task.run) else task.run
        faults = deciding.failures(spec, how.output, why)
        return replace(made, state=state, fault=why, run=run, diagnostics=(*said, *faults))

    def _decided(
        self,
        spec: Spec,
        said: tuple[Diagnostic, ...],
        measured: Results,
        baseline: Baseline | None,
        why: str,
    ) -> Outcome:
        assert spec.compiled is not None
        decisions = deciding.decided(
            spec.compiled, measured, baseline, strict_time=self.options.strict_time
        )
        faults = tuple(deciding.unmet(spec, decisions))
        unmet = any(one.severity == "error" for one in faults)
        return Outcome(
            spec.file,
            spec.name,
            "unmet" if unmet else "passed",
            (*said, *faults),
            decisions,
            reason=why,
            metrics=measured.metrics,
        )


def _unmeasured(compiled: Compiled) -> str:
    """Why a spec is not trained: its runs decide no expectation."""
    from modelspec.compiler.spec.fold_expectations import decided_by_sweep

    return decided_by_sweep(compiled.fold_expectations) or "it has no measured expectations"


def _outcome(
    spec: Spec,
    state: State,
    found: tuple[Diagnostic, ...] = (),
    *,
    reason: str = "",
    fault: str = "",
) -> Outcome:
    return Outcome(spec.file, spec.name, state, found, reason=reason, fault=fault)


def _is_of_another(baseline: Baseline, spec: Spec) -> bool:
    """Whether the baseline belongs to another existing file with this name."""
    own = Path(spec.file)
    return baseline.spec != own.name and baseline.spec in others_with_name(own, spec.name)


def _record(path: Path | None) -> Record | None:
    return read_record(path).value if path is not None else None


def _last_fault(output: str) -> str:
    """The first line of the output that reports an error, otherwise its last line."""
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    wrong = [line for line in lines if "error[" in line or line.startswith(_FAULTS)]
    return (wrong or lines[-1:] or ["it printed no output"])[0]
