"""`jit: auto`: XLA compiles the steps of a training where a measurement finds that this pays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelspec.runtime.history.record import read_record
from modelspec.runtime.history.tables import facts_of
from modelspec.runtime.run.pacing import Pace
from modelspec.runtime.run.xla_choices import Choice, Choices
from modelspec.runtime.run.xla_measurement import Measured
from tests.run_folders import run_folder

MEASURED = Choice(0, 12, 1000, "measured", True, 0.002, 0.001, 3.5)
SHORT = Choice(1, 30, 40, "short")


@pytest.mark.parametrize(
    ("plain", "xla", "left", "shapes", "expected"),
    [
        (0.010, 0.005, 100, 1, True),
        (0.010, 0.005, 100, 2, False),  # the other shape takes 3 s, 100 steps gain 0.5 s
        (0.010, 0.005, 1000, 2, True),
        (0.010, 0.0098, 10**6, 1, False),
        (0.005, 0.010, 10**6, 1, False),
    ],
)
def test_xla_pays_if_the_remaining_steps_win_back_the_compilations_to_come(
    plain: float, xla: float, left: int, shapes: int, expected: bool
) -> None:
    assert Measured(plain, xla, 3.0).pays(left, shapes) is expected


def test_the_choices_of_a_manifest_are_those_that_were_written() -> None:
    written: list[Any] = []
    first = Choices(auto=True)
    first.keep({}, written.append)
    first.make(SHORT)
    first.make(MEASURED)
    again = Choices(auto=True)
    again.keep({"steps_per_call": 4, "jit": written[-1]}, written.append)
    assert again.of(0, 1000) == MEASURED
    assert again.of(1, 40) == SHORT
    assert again.of(2, 40) is None


def test_a_training_that_was_too_short_may_be_measured_with_more_epochs() -> None:
    choices = Choices(auto=True)
    choices.make(SHORT)
    choices.make(MEASURED)
    assert choices.of(1, 41) is None
    assert choices.of(0, 2000) == MEASURED


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {**MEASURED.as_json(), "stage": -1},
        {**MEASURED.as_json(), "step": True},
        {**MEASURED.as_json(), "planned": 1.5},
        {**MEASURED.as_json(), "xla": 1},
        {**MEASURED.as_json(), "why": ["measured"]},
        {**SHORT.as_json(), "xla": True},
    ],
)
def test_an_entry_that_no_run_writes_is_ignored(entry: Any) -> None:
    choices = Choices(auto=True)
    choices.keep({"jit": [entry]}, lambda entries: None)
    assert choices.as_json() == []


def test_the_time_of_a_step_is_known_when_the_steps_per_call_hardly_change() -> None:
    pace = Pace(one_by_one=False)
    known = []
    for call in range(8):
        pace.took(pace.count, 0.001 + 0.001 * pace.count + (0 if call else 1))
        known.append(pace.each)
    assert known[:3] == [None] * 3
    assert known[-1] == pytest.approx(0.001, rel=0.05)


def test_faster_steps_do_not_count_for_the_gain_of_calls_of_many() -> None:
    pace = Pace(one_by_one=False)
    for _ in range(12):
        pace.took(pace.count, 0.001 + 0.001 * pace.count)
    before = pace.gain
    pace.keep_gain()
    for _ in range(12):
        pace.took(pace.count, 0.0001 * pace.count)
    assert pace.gain == before
    assert pace.count > 500


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        (MEASURED, "with XLA from step 13, 2 times as fast (3.5 s of compilation)"),
        (
            Choice(0, 12, 1000, "measured", False, 0.0021, 0.0042, 3.25),
            "without XLA: a step takes 2.1 ms, with XLA 4.2 ms after 3.2 s of compilation",
        ),
        (SHORT, "without XLA: the training is too short for a compilation to pay"),
        (Choice(0, 0, 9, "refused"), "without XLA, which cannot compile the step"),
        (Choice(0, 0, 9, "deterministic"), "without XLA, which `deterministic: true` excludes"),
        (Choice(0, 0, 9, "replicas"), "without XLA, which several replicas do not support"),
    ],
)
def test_a_report_shows_why(tmp_path: Path, choice: Choice, shown: str) -> None:
    recorded = {"steps_per_call": 1, "xla": choice.xla, "jit": [choice.as_json()]}
    record = read_record(run_folder(tmp_path / "run", execution=recorded)).value
    assert record is not None
    assert dict(facts_of(record))["steps"] == f"one in each call of TensorFlow; {shown}"


@pytest.mark.parametrize(
    "entry", [None, 3, {"step": "x"}, {"step_seconds": 0, "xla_step_seconds": float("inf")}]
)
def test_a_report_of_a_damaged_manifest_shows_the_rest(tmp_path: Path, entry: Any) -> None:
    recorded = {"steps_per_call": 1, "xla": True, "jit": [entry]}
    record = read_record(run_folder(tmp_path / "run", execution=recorded)).value
    assert record is not None
    assert dict(facts_of(record))["steps"] == "one in each call of TensorFlow; with XLA"
