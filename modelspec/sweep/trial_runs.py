"""The runs of trials: the spec of each, the runs that can be reused, and its folds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.space import folds_of
from modelspec.compiler.spec.sweep_section import FOLD
from modelspec.core.diagnostics import Diagnostic
from modelspec.errors import DataError
from modelspec.runtime.history.fingerprint import Fingerprint, fingerprint
from modelspec.runtime.history.run_files import file_name
from modelspec.runtime.run.table_hashes import table_hashes
from modelspec.runtime.testing.reuse import RUNS, Runs

from .running import Memory, RunOutcome, of_folder, run_once
from .stored import Result
from .trials import Trial

if TYPE_CHECKING:
    from .worker import Plan

Decide = Callable[[int, float], bool]


@dataclass(frozen=True)
class TrialResult:
    """The results of a trial."""

    result: Result
    curve: Mapping[int, float] = field(default_factory=dict)
    """The objective by epoch, of a reused run."""
    error: DataError | None = None
    """Why its data cannot be used, so that its training never began."""

    def timed(self, seconds: float) -> Result:
        """The result with the time of the trial."""
        return replace(self.result, seconds=seconds)


class TrialRuns:
    """Runs the trials of one sweep in this process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._runs = Runs(RUNS / file_name(plan.compiled.name))
        self.memory = Memory()
        self._own: dict[str, Path] = {}
        """Completed runs of this process, by fingerprint."""

    def result(
        self, number: int, values: Mapping[str, Any], decide: Decide, trials: Sequence[Trial]
    ) -> TrialResult:
        """Runs a trial. Raises `Interrupted` after a signal."""
        failed = _failed(number, values, trials)
        if failed is not None:  # training it again would fail again
            result = Result("failed", runs=failed.runs, is_reused=True, fault=failed.fault)
            return TrialResult(result)
        if not self._plan.sweep.folds:
            outcome = self._run(number, None, values, decide)
            return self._alone(outcome)
        return self._all_folds(number, values, decide)

    def _alone(self, outcome: RunOutcome) -> TrialResult:
        result = Result(
            outcome.state,  # type: ignore[arg-type]  # one of the states of a trial
            outcome.objectives,
            runs=(str(outcome.path),),
            is_reused=outcome.is_reused,
            fault=outcome.fault,
            unmet=outcome.unmet,
        )
        curve = outcome.curve if outcome.is_reused else {}
        return TrialResult(result, curve, outcome.error)

    def _run(
        self, number: int, fold: int | None, values: Mapping[str, Any], decide: Decide
    ) -> RunOutcome:
        """One run of a trial."""
        path = self._plan.folder.run(number, fold)
        given = values if fold is None else {**values, FOLD: fold}
        checked = self._plan.space.compiled_with(given)
        if not checked.ok or checked.value is None:
            return RunOutcome("failed", path, fault=_first(checked.diagnostics))
        compiled = checked.value
        found = fingerprint(compiled, table_hashes)
        if found is not None and (reused := self._reused(found, path, compiled)) is not None:
            return reused
        try:
            outcome = run_once(self._plan.sweep, compiled, path, decide)
        finally:
            self.memory.forget()
        if outcome.state == "completed" and found is not None:
            self._own[found.digest] = path
        return outcome

    def _reused(self, found: Fingerprint, path: Path, compiled: Compiled) -> RunOutcome | None:
        """The results of a completed run of the same resolved spec, other than the trial's own."""
        known = self._own.get(found.digest)
        if known is None:
            record = self._runs.completed(found)
            known = record.path if record is not None else None
        if known is None or known.resolve() == path.resolve() or path.exists():
            return None
        outcome = of_folder(self._plan.sweep, known, compiled, is_reused=True)
        return outcome if outcome.state == "completed" else None

    # Folds ----------------------------------------------------------------------------------------

    def _all_folds(self, number: int, values: Mapping[str, Any], decide: Decide) -> TrialResult:
        """Runs every fold; the objective is the mean over them. The pruner decides in the first
        fold only, so that trials are compared on the same examples.
        """
        from .folds import means

        outcomes: list[RunOutcome] = []
        for fold in range(len(folds_of(self._plan.compiled))):
            one = self._run(number, fold, values, decide if fold == 0 else lambda *_: False)
            outcomes.append(one)
            if one.state != "completed":
                break
        runs = tuple(str(one.path) for one in outcomes)
        last = outcomes[-1]
        if last.state != "completed":
            fault = f"fold {len(outcomes) - 1}: {last.fault}" if last.fault else None
            result = Result(last.state, runs=runs, fault=fault)  # type: ignore[arg-type]
            return TrialResult(result, error=last.error if len(outcomes) == 1 else None)
        values_of = zip(*(one.objectives for one in outcomes), strict=True)
        objectives = tuple(map(fmean, values_of))
        metrics = tuple(_measured(one.metrics) for one in outcomes)
        self._write_folds(number, outcomes, metrics)
        own = [key for one in outcomes for key in one.unmet]
        unmet = tuple(dict.fromkeys([*means(self._plan.compiled, metrics).unmet, *own]))
        result = Result(
            "completed",
            objectives,
            runs=runs,
            is_reused=all(one.is_reused for one in outcomes),
            folds=metrics,
            unmet=unmet,
        )
        return TrialResult(result, outcomes[0].curve if outcomes[0].is_reused else {})

    def _write_folds(
        self, number: int, outcomes: Sequence[RunOutcome], metrics: Sequence[Mapping[str, float]]
    ) -> None:
        """The out-of-fold predictions, and the metrics of each fold."""
        from .folds import fold_table
        from .out_of_fold import write_out_of_fold

        is_only = not self._plan.sweep.parameters
        path = self._plan.folder.out_of_fold(number, is_only=is_only)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_out_of_fold([one.path for one in outcomes], path)
        path.with_name("folds.csv").write_text(fold_table(metrics), encoding="utf-8")
        self.memory.forget()


def _failed(number: int, values: Mapping[str, Any], trials: Sequence[Trial]) -> Trial | None:
    """An earlier trial with the same values that failed."""
    return next(
        (
            one
            for one in trials
            if one.number < number and one.state == "failed" and one.values == values
        ),
        None,
    )


def _measured(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of the parts, and not those of the last epoch or the numbers of the model."""
    return {
        name: float(value) for name, value in metrics.items() if name.startswith(("test_", "val_"))
    }


def _first(diagnostics: Sequence[Diagnostic]) -> str:
    """The first error of a spec."""
    errors = [one for one in diagnostics if one.severity == "error"]
    return str(errors[0]) if errors else json.dumps("the spec cannot be compiled")
