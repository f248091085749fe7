"""What earlier layouts of the package wrote is still read: `tests/stored` was made by version 0.1.0
before its modules moved, and is never written anew.

- `completed`: a run of 4 epochs; `interrupted`: the same run, killed after its first checkpoint.
- `predictions.csv`: what `modelspec predict` gave for `penguins.csv`.
- `cache`: an entry of prepared data; `classifier.pickle`: a fitted `SpecClassifier`.
"""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import cache

STORED = Path(__file__).parent / "stored"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the stored folder, whose manifests name the copy as the project."""
    folder = tmp_path / "project"
    shutil.copytree(STORED, folder)
    for file in folder.glob("*/manifest.json"):
        manifest = json.loads(file.read_text())
        manifest["spec"]["folder"] = str(folder)
        file.write_text(json.dumps(manifest))
    monkeypatch.chdir(folder)
    return folder


def stored_json(*parts: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(STORED.joinpath(*parts).read_text())
    return found


def test_a_stored_run_is_opened_without_a_framework(project: Path) -> None:
    code = (
        "import sys, modelspec as ms\n"
        "run = ms.open_run('completed')\n"
        "print(len(run.history['loss']), run.metrics['accuracy'])\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project
    )
    metrics = stored_json("completed", "metrics.json")
    assert done.stdout.split() == ["4", str(metrics["test"]["accuracy"])]  # type: ignore[index]


def test_an_entry_of_the_cache_keeps_its_key_and_is_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSPEC_CACHE", str(project / "cache"))
    parts = {"source": "abc", "transform": ["Normalization"], "count": 3}
    entry = cache.find(cache.Key("penguins.csv", parts))
    assert entry is not None
    assert entry.facts == {"examples": 3}
    np.testing.assert_array_equal(entry.arrays["inputs/x"], np.arange(6).reshape(3, 2))


@pytest.mark.tensorflow
def test_a_stored_run_predicts_what_it_predicted(project: Path) -> None:
    """`model.keras` with a layer of modelspec's own, and what its transforms learned."""
    from click.testing import CliRunner

    from modelspec.cli import main

    arguments = ["predict", "completed", "--data", "penguins.csv", "-o", "again.csv"]
    result = CliRunner().invoke(main, arguments, standalone_mode=False)
    assert result.exception is None, result.output
    with open("predictions.csv") as before, open("again.csv") as after:
        rows, again = list(csv.DictReader(before)), list(csv.DictReader(after))
    assert len(rows) == len(again) == 60
    for row, other in zip(rows, again, strict=True):
        assert row["species_class"] == other["species"]
        assert float(row["species_0"]) == pytest.approx(float(other["p[Adelie]"]), abs=1e-6)


@pytest.mark.tensorflow
def test_a_stored_model_loads_by_the_address_that_exports_name(project: Path) -> None:
    """Plain Keras, once `modelspec.backend.layers` is imported: the advice of `modelspec export`."""
    code = (
        "import keras, modelspec.backend.layers\n"
        "print(keras.models.load_model('completed/model.keras').get_layer('own').built)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project
    )
    assert done.stdout.split() == ["True"]


@pytest.mark.tensorflow
def test_a_stored_interrupted_run_is_resumed(project: Path) -> None:
    """Its checkpoint gives the weights and the step; the numbers agree up to the rounding of
    another processor, thread count or version.
    """
    run = ms.resume("interrupted", allow_inexact=True)
    metrics = stored_json("completed", "metrics.json")
    assert len(run.history["loss"]) == 4
    assert run.metrics["loss"] == pytest.approx(metrics["test"]["loss"], rel=1e-3)  # type: ignore[index]


@pytest.mark.tensorflow
def test_a_stored_estimator_predicts_what_it_predicted() -> None:
    with (STORED / "classifier.pickle").open("rb") as file:
        classifier = pickle.load(file)
    given, expected = (np.load(STORED / f"classifier_{name}.npy") for name in "xp")
    np.testing.assert_allclose(classifier.predict_proba(given), expected, rtol=1e-5)
