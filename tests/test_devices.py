"""Trainings on several devices compute what one device computes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .thorough import LONG

pytestmark = pytest.mark.tensorflow

CASES = ("weighted:2", "players:2", *(("stages:2", "sum:3") if LONG else ()))
CLOSE = 1e-9
SINGLE = 1e-6
"""Keras's losses and metrics are logged in float32."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of all cases, on one device and on several."""
    made = tmp_path_factory.mktemp("devices")
    words = [sys.executable, "-m", "tests.devices_cases", str(made), *CASES, "exactness"]
    subprocess.run(words, cwd=Path(__file__).parent.parent, check=True)
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> Any:
    """The differences, by case."""
    return json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_several_devices_compute_the_weights_of_one(found: Any, case: str) -> None:
    assert found[case]["weights"] <= CLOSE


@pytest.mark.parametrize("case", CASES)
def test_several_devices_log_what_one_logs(found: Any, case: str) -> None:
    differences = {key: one for key, one in found[case].items() if key != "weights"}
    assert differences
    assert {key: one for key, one in differences.items() if one > SINGLE} == {}


def test_a_run_on_several_devices_resumes_to_the_bit(found: Any) -> None:
    assert found["exactness"]["stopped"]
    assert found["exactness"]["resumed"]


def test_another_number_of_devices_resumes_only_inexactly(found: Any) -> None:
    of = found["exactness"]
    assert of["refused"] == "MS720"
    assert of["continued"]
    assert of["inexact"]
    assert of["replicas"] == "1 process with 2 devices each"


def test_gpus_that_do_not_exist_are_refused(found: Any) -> None:
    assert found["exactness"]["gpus"] == "MS930"


def test_values_that_are_not_finite_on_one_device_change_nothing_on_the_other(found: Any) -> None:
    assert all(found["exactness"]["skipped"])
