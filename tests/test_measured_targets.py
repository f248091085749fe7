"""The targets of an output without a loss are those that its metrics take: class indices for a
sparse metric and for `accuracy`, as in Keras.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

METRICS = [
    "accuracy",
    {"SparseCategoricalAccuracy": {"name": "sparse"}},
    {"SparseCategoricalCrossentropy": {"name": "entropy"}},
]


def spec(metrics: list[Any], target: str) -> dict[str, Any]:
    hidden = {"units": 4, "activation": "tanh", "name": "hidden"}
    kind = {"units": 3, "activation": "softmax", "name": "kind", "from": "hidden"}
    return {
        "seed": 1,
        "model": {
            "inputs": {"x": [2]},
            "layers": [
                {"Dense": hidden},
                {"Dense": {"units": 1, "name": "size", "from": "hidden"}},
                {"Dense": kind},
            ],
            "outputs": ["size", "kind"],
        },
        "data": {
            "train": {"npz": "d.npz"},
            "test": {"npz": "d.npz"},
            "inputs": {"x": "x"},
            "targets": {"size": "size", "kind": target},
        },
        "training": {"loss": {"size": "mse"}, "metrics": {"kind": metrics}, "epochs": 1},
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 3, 40)
    arrays = {
        "x": rng.normal(size=(40, 2)).astype("float32"),
        "size": rng.normal(size=40).astype("float32"),
        "kind": kinds,
        "one_hot": np.eye(3, dtype="float32")[kinds],
    }
    np.savez(tmp_path / "d.npz", allow_pickle=False, **arrays)
    monkeypatch.chdir(tmp_path)
    return arrays


def test_class_indices_are_measured_without_a_loss(folder: dict[str, Any]) -> None:
    run = ms.load_spec(spec(METRICS, "kind")).train(run_dir="run")
    found = run.model.predict(folder["x"], verbose=0)
    found = found["kind"] if isinstance(found, dict) else found[1]
    kinds = folder["kind"]
    right = float(np.mean(found.argmax(axis=1) == kinds))
    entropy = float(-np.log(found[np.arange(len(kinds)), kinds].astype("float64")).mean())
    assert run.metrics["kind_accuracy"] == pytest.approx(right)
    assert run.metrics["kind_sparse"] == pytest.approx(right)
    assert run.metrics["kind_entropy"] == pytest.approx(entropy, rel=1e-5)


def test_accuracy_takes_one_hot_targets_too(folder: dict[str, Any]) -> None:
    run = ms.load_spec(spec(["accuracy"], "one_hot")).train(run_dir="run")
    found = run.model.predict(folder["x"], verbose=0)
    found = found["kind"] if isinstance(found, dict) else found[1]
    right = float(np.mean(found.argmax(axis=1) == folder["kind"]))
    assert run.metrics["kind_accuracy"] == pytest.approx(right)


def test_other_metrics_need_the_shape_of_the_output() -> None:
    with pytest.raises(ms.DataError, match="MS616"):
        ms.load_spec(spec(["mae"], "kind")).train(run_dir="run")
