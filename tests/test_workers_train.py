"""Runs of several processes on this host: they end as the undisturbed run would, to the bit,
whichever process is killed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import h5py
import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[1]
LONG = os.environ.get("MODELSPEC_FUZZ") == "long"
_SPEC = """\
seed: 3
model:
  inputs: {x: [6]}
  layers:
    - Dense: {units: 16, activation: relu, kernel_regularizer: {L2: 0.001}}
    - Dropout: 0.2
    - Dense: {units: 3, activation: softmax, name: kind}
data:
  source: {npz: data.npz}
  inputs: {x: x}
  targets: {kind: y}
  split: {validation: 0.2, test: 0.1}
training:
  optimizer: {Adam: {learning_rate: 0.01, global_clipnorm: 1.0}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  batch_size: 32
  epochs: 12
  checkpoint: {every: 20 steps, keep: 2}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the spec and its data."""
    return write_project(tmp_path_factory.mktemp("workers"))


def write_project(folder: Path) -> Path:
    """The folder, with the spec and its data."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 6)).astype("float32")
    np.savez(folder / "data.npz", x=x, y=(np.abs(x[:, :3]).argmax(1)))
    (folder / "spec.yaml").write_text(_SPEC)
    return folder


def _begin(project: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "modelspec", *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _end(process: subprocess.Popen[str], seconds: float = 300) -> str:
    output, _ = process.communicate(timeout=seconds)
    return output


def weights(run: Path) -> dict[str, bytes]:
    """The bytes of every array of the saved model."""
    with ZipFile(run / "model.keras") as archive, archive.open("model.weights.h5") as file:
        found: dict[str, bytes] = {}
        with h5py.File(file) as weights:
            weights.visititems(
                lambda name, one: (
                    found.update({name: one[()].tobytes()})
                    if isinstance(one, h5py.Dataset)
                    else None
                )
            )
    return found


def history(run: Path) -> list[list[str]]:
    """The rows of the history, without the seconds."""
    rows = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    timed = {i for i, name in enumerate(rows[0]) if "seconds" in name}
    return [[value for i, value in enumerate(row) if i not in timed] for row in rows]


@pytest.fixture(scope="module")
def undisturbed(project: Path) -> Path:
    """A run of two workers."""
    process = _begin(project, "train", "spec.yaml", "--workers", "2", "--run-dir", "calm")
    output = _end(process)
    assert process.returncode == 0, output
    assert output.count("epoch 12/12") == 1, output  # only the chief reports
    return project / "calm"


def _children(pid: int) -> list[int]:
    """The processes that a process has started, in the order of their start."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return sorted(int(one) for one in path.read_text().split()) if path.exists() else []


def _until(true: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, f"nothing happened for {seconds} s"
        time.sleep(0.02)


def _checkpoints(run: Path) -> int:
    return len(list((run / "checkpoints").glob("*"))) if (run / "checkpoints").exists() else 0


def _killings() -> list[tuple[int, float]]:
    """Which worker is killed, and after how many seconds from the first checkpoint on."""
    generator = random.Random(5)
    return [(one % 2, generator.uniform(0, 2)) for one in range(10)] if LONG else [(0, 0.3)]


@pytest.mark.parametrize(("worker", "after"), _killings())
def test_a_killed_worker_changes_nothing(
    worker: int, after: float, project: Path, undisturbed: Path
) -> None:
    run = project / f"killed-{worker}-{after:.2f}"
    shutil.rmtree(run, ignore_errors=True)
    words = ("train", "spec.yaml", "--workers", "2", "--run-dir", run.name)
    process = _begin(project, *words)
    _until(lambda: _checkpoints(run), process)
    time.sleep(after)
    children = _children(process.pid)
    if not children:  # the run has ended
        pytest.skip("the run ended before its worker was killed")
    os.kill(children[worker], signal.SIGKILL)
    output = _end(process)
    assert process.returncode == 0, output
    name = "the chief" if worker == 0 else "worker 1"
    assert f"{name} was killed by SIGKILL; restart 1 of 3" in output
    assert weights(run) == weights(undisturbed)
    assert history(run) == history(undisturbed)
    assert (run / "metrics.json").read_text() == (undisturbed / "metrics.json").read_text()
    assert not any(Path(f"/proc/{one}").exists() for one in children)


def test_the_manifest_records_the_workers(undisturbed: Path) -> None:
    values = json.loads((undisturbed / "manifest.json").read_text())
    assert values["outcome"] == "completed"
    assert values["backend"]["replicas"] == "2 processes with 1 device each"
