"""Trainings on several devices and in several processes compute what one device computes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

CASES = ("weighted:2", "mixing:2", "sum:3", "players:2", "stages:2")
OF_PROCESSES = ("masked",)
CLOSE = 1e-9
SINGLE = 1e-6
"""Keras's losses and metrics are logged in float32."""


def python(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """A process that runs `devices_cases`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.devices_cases", *arguments],
        env={**os.environ, **variables},
        cwd=Path(__file__).parent.parent,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of all cases, on one device and on several."""
    made = tmp_path_factory.mktemp("devices")
    assert python(str(made), *CASES, *(f"{one}:1" for one in OF_PROCESSES), "exactness").wait() == 0
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


def test_two_processes_compute_the_weights_of_one(folder: Path) -> None:
    import keras

    ports = free_ports(2)
    shared = {
        "MODELSPEC_HOSTS": ",".join(f"127.0.0.1:{port}" for port in ports),
        "MODELSPEC_TOKEN": "of a test",
    }
    workers = [
        python(str(folder), "worker", *OF_PROCESSES, MODELSPEC_WORKER=str(index), **shared)
        for index in range(2)
    ]
    assert [one.wait() for one in workers] == [0, 0]
    for name in OF_PROCESSES:
        one, other = (
            keras.models.load_model(folder / f"{name}-{of}" / "model.keras", compile=False)
            for of in ("1", "processes")
        )
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(b, a, rtol=0, atol=CLOSE, err_msg=name)


def free_ports(count: int) -> list[int]:
    """Ports that no process listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
