"""Runs of several processes on this host: they end as the undisturbed run would, to the bit,
whichever process is killed, and compute the weights of one process.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from zipfile import ZipFile

import h5py
import numpy as np
import pytest

import modelspec as ms

from .thorough import LONG

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[1]
CLOSE = 1e-9
_SPEC = """\
seed: 3
model:
  inputs: {steps: [6], x: [6]}
  layers:
    - Embedding: {input_dim: 9, output_dim: 4, mask_zero: true, from: steps, name: e}
    - BatchNormalization: {synchronized: true, name: b}
    - Dense: {units: 3, activation: softmax, name: each}
    - GlobalAveragePooling1D: {from: b, name: mean}
    - Dense: {units: 1, kernel_regularizer: {L2: 0.001}, name: z}
    - Dropout: {rate: 0.2, from: x, name: dropped}
    - Dense: {units: 1, name: noisy}
  outputs: [each, z, noisy]
data:
  source: {npz: data.npz}
  inputs: {steps: steps, x: x}
  targets: {each: each, z: z, noisy: z}
  split: {validation: 0.2, test: 0.1}
training:
  optimizer: {Adam: {learning_rate: 0.01, clipnorm: 0.5}}
  loss:
    each: {SparseCategoricalCrossentropy: {dtype: float64, ignore_class: 2}}
    z: {MeanSquaredError: {dtype: float64}}
    noisy: mse
  loss_weights: {each: 0.7}
  metrics: {each: [accuracy], z: [RootMeanSquaredError]}
  batch_size: 32
  epochs: 8
  checkpoint: {every: 20 steps, keep: 2}
runtime: {precision: float64}
"""
"""Masks, sparse gradients, weights of steps, and outputs whose losses count different values. Only
the layer `noisy` depends on the random numbers of each process.
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the spec and its data."""
    return write_project(tmp_path_factory.mktemp("workers"))


def write_project(folder: Path) -> Path:
    """The folder, with the spec and its data."""
    generator = np.random.default_rng(0)
    rows, lengths = 2990, np.arange(2990) % 6 + 1  # the last batch of an epoch is a short one
    steps = generator.integers(1, 9, (rows, 6)) * (np.arange(6) < lengths[:, None])
    np.savez(
        folder / "data.npz",
        steps=steps,
        x=generator.normal(size=(rows, 6)),
        each=generator.integers(0, 3, (rows, 6)),
        z=generator.normal(size=rows),
    )
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


class _Heard(BaseHTTPRequestHandler):
    """Keeps what `RemoteMonitor` sends."""

    epochs: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        self.epochs.append(
            json.loads(self.rfile.read(int(self.headers["Content-Length"])))["epoch"]
        )
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, format: str, *values: Any) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that `_Heard` describes."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Heard) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{one.server_port}"
        one.shutdown()


@pytest.fixture(scope="module")
def undisturbed(project: Path, server: str) -> Path:
    """A run of two workers that reports to a server, which changes no weight."""
    monitor = f"{{RemoteMonitor: {{root: 'http://{server}', send_as_json: true}}}}"
    changed = ("--set", f"training.callbacks=[{monitor}]", "--allow-host", server)
    words = ("train", "spec.yaml", "--workers", "2", "--run-dir", "calm", *changed)
    output = _end(process := _begin(project, *words))
    assert process.returncode == 0, output
    assert output.count("epoch 8/8") == 1, output  # only the chief reports
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


_KILLER = """\
import os, signal, sys

renamed = []

def kill(event, arguments):
    if event == "os.rename" and "/checkpoints/" in str(arguments[1]):
        renamed.append(arguments[1])
        mark = os.environ["KILLED"]
        if len(renamed) == 3 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

if os.environ.get("MODELSPEC_WORKER") == "0":
    sys.addaudithook(kill)
"""
"""Run by Python when it starts: kills the chief when its third checkpoint gets its name."""


def test_a_chief_that_is_killed_while_it_commits_changes_nothing(
    project: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run, mark = project / "committing", tmp_path / "killed"
    (tmp_path / "sitecustomize.py").write_text(_KILLER)
    words = ("train", "spec.yaml", "--workers", "2", "--run-dir", run.name)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    process = _begin(project, *words, PYTHONPATH=path, KILLED=str(mark))
    output = _end(process)
    assert process.returncode == 0, output
    assert mark.exists()
    assert "the chief was killed by SIGKILL; restart 1 of 3" in output
    _require_equal(run, undisturbed)


def _require_equal(run: Path, other: Path) -> None:
    assert weights(run) == weights(other)
    assert history(run) == history(other)
    assert (run / "metrics.json").read_text() == (other / "metrics.json").read_text()


def _killings() -> list[tuple[int, float]]:
    """Which worker is killed, and after how many seconds from the first checkpoint on."""
    generator = random.Random(5)
    return [(one % 2, generator.uniform(0, 2)) for one in range(10)]


@pytest.mark.skipif(not LONG, reason="ten trainings: set MODELSPEC_FUZZ=long")
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
    _require_equal(run, undisturbed)
    assert not any(Path(f"/proc/{one}").exists() for one in children)


def test_two_processes_compute_the_weights_of_one(project: Path, undisturbed: Path) -> None:
    import keras

    one = ms.load_spec(project / "spec.yaml").train(project / "one").model
    other = keras.models.load_model(undisturbed / "model.keras", compile=False)
    layers = [layer.name for layer in one.layers if layer.get_weights() and layer.name != "noisy"]
    assert layers == ["e", "b", "each", "z"]
    for name in layers:
        pairs = zip(
            one.get_layer(name).get_weights(), other.get_layer(name).get_weights(), strict=True
        )
        for a, b in pairs:
            np.testing.assert_allclose(b, a, rtol=0, atol=CLOSE, err_msg=name)


def test_only_the_chief_sends_to_a_server(undisturbed: Path) -> None:
    assert _Heard.epochs == list(range(8))


def test_the_manifest_records_the_workers(undisturbed: Path) -> None:
    values = json.loads((undisturbed / "manifest.json").read_text())
    assert values["outcome"] == "completed"
    assert values["backend"]["replicas"] == "2 processes with 1 device each"
