"""`evaluate` and `predict` by several processes: what they print and write is that of one process.
The processes are real ones, which find each other by the variables of a launcher.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.runtime.distributed.local_workers import free_ports

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[1]
ROWS = 1501
_SPEC = """\
name: small
model:
  inputs: {x: [3]}
  layers:
    - Dense: {units: 8, activation: relu, name: h}
    - Dense: {units: 3, activation: softmax, from: h, name: k}
    - Dense: {units: 1, from: h, name: z}
  outputs: [k, z]
data:
  source: {csv: d.csv}
  inputs: {x: {columns: [a, b, c], transform: [Normalization]}}
  targets:
    k: {column: k, transform: [{StringLookup: {num_oov_indices: 0}}]}
    z: {column: z, transform: [Normalization]}
  split: {validation: 0.1, test: 0.3}
  slices: [k]
training:
  optimizer: SGD
  loss: {k: sparse_categorical_crossentropy, z: mse}
  metrics: {k: [accuracy], z: [mae]}
  epochs: 1
  batch_size: 64
"""
CLOSE = 2e-6
"""Losses and metrics are in float32."""


def _write_data(folder: Path) -> None:
    draw = np.random.default_rng(3)
    x, kinds = draw.normal(size=(ROWS, 3)), draw.integers(0, 3, ROWS)
    z = x @ [1.0, 2.0, 3.0] * 10 + 50
    lines = [
        f"r{i},{','.join(map(str, x[i].tolist()))},{'uvw'[kinds[i]]},{z[i]}" for i in range(ROWS)
    ]
    (folder / "d.csv").write_text("\n".join(["id,a,b,c,k,z", *lines]))
    (folder / "few.csv").write_text("\n".join(["id,a,b,c,k,z", *lines[:5]]))
    for row in (7, 333, 334, 1400):  # in blocks of both processes
        lines[row] = lines[row].replace(",", ",?", 1)
    (folder / "bad.csv").write_text("\n".join(["id,a,b,c,k,z", *lines]))
    (folder / "spec.yaml").write_text(_SPEC)


def _start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **threads, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(*processes: subprocess.Popen[str]) -> None:
    for one in processes:
        output, _ = one.communicate(timeout=300)
        assert one.returncode == 0, output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process and each of two printed and wrote."""
    made = tmp_path_factory.mktemp("project")
    _write_data(made)
    cases, hosts = "tests.workers_predict_cases", [f"127.0.0.1:{port}" for port in free_ports(2)]
    _ended(_start(made, cases, "one"))
    shared = {"MODELSPEC_HOSTS": ",".join(hosts)}
    _ended(*(_start(made, cases, f"two-{i}", **shared, MODELSPEC_WORKER=str(i)) for i in range(2)))
    return made


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, Any]:
    """By process: by command the exit status and the output."""
    return {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("one", "two-0", "two-1")
    }


def _numbers(found: Any, path: str = "") -> dict[str, float]:
    if isinstance(found, dict):
        pairs = [(f"{path}/{key}", value) for key, value in found.items()]
    elif isinstance(found, list):
        pairs = [(f"{path}/{at}", value) for at, value in enumerate(found)]
    else:
        return {path: found} if isinstance(found, (int, float)) else {}
    return {key: one for at, value in pairs for key, one in _numbers(value, at).items()}


@pytest.mark.parametrize("command", ["evaluate", "other"])
def test_the_metrics_are_those_of_one_process(printed: dict[str, Any], command: str) -> None:
    one, two = (json.loads(printed[name][command][1]) for name in ("one", "two-0"))
    expected, found = _numbers(one), _numbers(two)
    assert "/metrics/original_z_mae" in expected
    assert any(key.startswith("/slices/2") for key in expected)
    assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


@pytest.mark.parametrize("file", [".csv", "-skip.csv", "-skip.csv.errors.csv"])
def test_the_files_are_those_of_one_process(folder: Path, file: str) -> None:
    assert (folder / f"two-0{file}").read_bytes() == (folder / f"one{file}").read_bytes()


def test_inner_tensors_are_those_of_one_process(folder: Path) -> None:
    with np.load(folder / "one.npz") as one, np.load(folder / "two-0.npz") as two:
        assert set(one) == set(two)
        assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("command", ["json", "preview"])
def test_what_is_printed_is_that_of_one_process(printed: dict[str, Any], command: str) -> None:
    """The preview needs only the first rows: the other process ends with the chief."""
    assert printed["one"][command][0] == 0
    assert printed["two-0"][command] == printed["one"][command]


def test_a_row_that_the_chief_does_not_read_ends_both_with_its_place(
    printed: dict[str, Any], folder: Path
) -> None:
    for name in ("two-0", "two-1"):
        status, output = printed[name]["bad"]
        assert status == 3
        assert "bad.csv" in output
    assert not list(folder.glob("*-bad.csv"))


def test_only_the_chief_reports(printed: dict[str, Any], folder: Path) -> None:
    others = {command: one for command, one in printed["two-1"].items() if command != "bad"}
    assert {tuple(one) for one in others.values()} == {(0, "")}
    assert not list(folder.glob("two-1*.csv"))
