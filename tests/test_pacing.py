"""What a run records of the number of its steps per call, and what it gained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelspec.runtime.history.record import read_record
from modelspec.runtime.history.tables import facts_of
from modelspec.runtime.run.pacing import Pace
from tests.run_folders import run_folder


def paced(calls: int, fixed: float, each: float, *, first: float = 1.0) -> Pace:
    """After so many calls, each of `fixed` seconds and of `each` for every step; the first one
    takes `first` seconds more.
    """
    pace = Pace(one_by_one=False)
    for call in range(calls):
        pace.took(pace.count, fixed + each * pace.count + (0 if call else first))
    return pace


def test_the_gain_compares_steps_in_calls_of_many_with_single_steps() -> None:
    pace = paced(12, fixed=0.001, each=0.001)
    assert 90 <= pace.count <= 100
    assert pace.gain == pytest.approx(0.002 / (0.001 + 0.001 / pace.count), rel=0.02)


def test_calls_without_overhead_gain_nothing() -> None:
    assert paced(12, fixed=0.0, each=0.001).gain == pytest.approx(1)


def test_long_steps_are_run_one_by_one_and_have_no_gain() -> None:
    pace = paced(12, fixed=0.0, each=0.3)
    assert pace.count == 1 and pace.gain is None


def test_callbacks_that_hear_each_step_keep_single_steps() -> None:
    pace = Pace(one_by_one=True)
    for _ in range(5):
        pace.took(1, 0.001)
    assert pace.count == 1 and pace.gain is None


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        (
            {"steps_per_call": 256, "speedup": 2.13, "xla": False},
            "256 in each call of TensorFlow, 2.1 times as fast as single steps; without XLA",
        ),
        (
            {"steps_per_call": 9, "speedup": 1.01, "xla": False},
            "9 in each call of TensorFlow; without XLA",
        ),
        (
            {"steps_per_call": 1, "xla": True},
            "one in each call of TensorFlow; with XLA",
        ),
        ({"steps_per_call": "x"}, ""),
        ([1], ""),
        (None, ""),
    ],
)
def test_a_report_shows_what_was_chosen(tmp_path: Path, recorded: Any, shown: str) -> None:
    record = read_record(run_folder(tmp_path / "run", execution=recorded)).value
    assert record is not None
    assert dict(facts_of(record))["steps"] == shown
