"""When a sweep ends: `trials`, `timeout` and `patience`, over several processes too. The trials have
results and times by their number, and train nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from modelspec.sweep import worker
from modelspec.sweep.engine import open_sweep, work
from modelspec.sweep.stored import Result
from modelspec.sweep.trial_runs import TrialResult
from modelspec.sweep.trials import Trial

from .sweeps import space

SECONDS = 10.0
"""How long a trial takes."""


class Clock:
    """A clock that trials advance."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic


class Killed(Exception):
    """The process ends in the middle of a trial."""


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.chdir(tmp_path)
    clock = Clock()
    monkeypatch.setattr(worker, "time", clock)
    return clock


@pytest.fixture
def run(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Trial]]:
    """Runs a sweep whose trials have the given objectives; NaN is a trial that fails."""

    def run(
        sweep: str, results: list[float], *, killed_in: int | None = None, jobs: int = 1
    ) -> list[Trial]:
        class Runs:
            memory = type("Memory", (), {"close": lambda self: None})()

            def __init__(self, plan: Any) -> None:
                pass

            def result(self, number: int, *_: Any) -> TrialResult:
                clock.now += SECONDS
                if number == killed_in:
                    raise Killed
                value = results[number]
                if value != value:
                    return TrialResult(Result("failed", fault="it diverged"))
                return TrialResult(Result("completed", (value,)))

        monkeypatch.setattr(worker, "TrialRuns", Runs)
        text = "objective: {minimize: val_loss}\nparameters: {vars.a: {uniform: [0, 1]}}\n"
        opened = open_sweep(space(tmp_path, text + sweep), jobs=jobs)
        with suppress(Killed):
            work(opened)
        return opened.trials()

    return run


FALLING = [float(100 - at) for at in range(50)]


@pytest.mark.parametrize(
    ("timeout", "count"), [("25 seconds", 3), ("30 seconds", 3), ("31 seconds", 4), ("1 second", 1)]
)
def test_no_trial_starts_after_the_timeout(
    timeout: str, count: int, run: Callable[..., list[Trial]]
) -> None:
    """The trials start after 0, 10, 20, ... seconds; the last one is trained to its end."""
    found = run(f"timeout: {timeout}", FALLING)
    assert [one.state for one in found] == ["completed"] * count
    assert [one.seconds for one in found] == [SECONDS] * count


def test_the_timeout_counts_the_trials_of_earlier_processes(
    run: Callable[..., list[Trial]], clock: Clock
) -> None:
    first = run("timeout: 45 seconds", FALLING, killed_in=2)
    assert [one.state for one in first] == ["completed", "completed", "running"]
    clock.now += 3600.0  # nothing ran in this hour
    found = run("timeout: 45 seconds", FALLING)
    assert [one.state for one in found] == ["completed"] * 5
    assert run("timeout: 45 seconds", FALLING) == found


def test_workers_of_a_host_share_the_time_of_earlier_trials(
    run: Callable[..., list[Trial]],
) -> None:
    """Two trials of 10 seconds took two workers 10 seconds."""
    run("timeout: 25 seconds", FALLING, killed_in=2, jobs=2)
    assert len(run("timeout: 25 seconds", FALLING, jobs=2)) == 4


@pytest.mark.parametrize(
    ("results", "count"),
    [
        ([5.0, 4.0, 6.0, 7.0, 1.0], 4),  # two trials after the best one
        ([5.0, 5.0, 5.0, 1.0], 3),  # an equal one is not better
        ([5.0, 6.0, 4.0, 6.0, 3.0, 9.0, 9.0, 1.0], 7),
        ([5.0, float("nan"), 4.0, float("nan"), float("nan"), 1.0], 5),
        ([float("nan"), float("nan"), 1.0], 2),
    ],
)
def test_patience_ends_a_sweep_without_better_trials(
    results: list[float], count: int, run: Callable[..., list[Trial]]
) -> None:
    found = run("patience: 2", results)
    assert len(found) == count
    assert run("patience: 2", results) == found  # the next process adds none


def test_the_first_limit_that_is_reached_ends_the_sweep(run: Callable[..., list[Trial]]) -> None:
    assert len(run("trials: 4\ntimeout: 10 minutes\npatience: 3", FALLING)) == 4


SWEEP = """
objective: {minimize: val_loss}
parameters: {vars.units: [2, 4]}
"""


def test_values_that_failed_are_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.sweep.trial_runs import TrialRuns

    monkeypatch.chdir(tmp_path)
    opened = open_sweep(space(tmp_path, SWEEP))
    runs = TrialRuns(opened.plan)
    before = Trial(0, "failed", {"vars.units": 2}, runs=("runs/small/sweep-1/0",), fault="a reason")
    found = runs.result(3, {"vars.units": 2}, lambda *_: False, [before]).result
    assert (found.state, found.runs, found.fault) == ("failed", before.runs, "a reason")
    assert found.is_reused
