"""Real runs side by side, and that the folders of `run_folders.py` have their form."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from modelspec.cli import main
from modelspec.core.source import plain, read

from .run_folders import LAYERS, run_folder, spec

pytestmark = pytest.mark.tensorflow

SPEC = """\
name: iris
seed: 1
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 16, activation: relu}
    - Dense: {units: 3, activation: softmax, name: y}
data:
  source: {csv: iris.csv}
  split: {validation: 0.2, test: 0.2}
  inputs: {x: {columns: [a, b, c, d]}}
  targets: {y: {column: t}}
training:
  optimizer: {Adam: 0.02}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 3
  batch_size: 8
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs of one spec with different learning rates."""
    folder = tmp_path_factory.mktemp("compare")
    draw = random.Random(1)
    rows = [[round(draw.gauss(kind, 0.4), 3) for _ in range(4)] + [kind] for kind in (0, 1, 2) * 30]
    with (folder / "iris.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c", "d", "t"], *rows])
    (folder / "iris.yaml").write_text(SPEC, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for rate in ("0.02", "0.002"):
            words = ["train", "iris.yaml", "--set", f"training.optimizer.Adam={rate}"]
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output
        yield folder


def compared(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["compare", *words, "--format", "json"])
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_real_runs_are_compared(runs: Path) -> None:
    value = compared("runs/iris")
    assert [one["run"] for one in value["runs"]] == ["runs/iris/1", "runs/iris/2"]
    assert value["settings"] == [
        {
            "path": "training.optimizer.Adam.learning_rate",
            "values": {"runs/iris/1": 0.02, "runs/iris/2": 0.002},
        }
    ]
    assert value["environment"] == []
    first, second = (json.loads((runs / f"runs/iris/{n}/metrics.json").read_text()) for n in (1, 2))
    by_name = {one["name"]: one for one in value["metrics"]}
    for key, part in (("test_loss", "test"), ("val_accuracy", "validation")):
        metric = key.partition("_")[2]
        apart = second[part][metric] - first[part][metric]
        assert by_name[key]["differences"]["runs/iris/2"] == pytest.approx(apart)
    assert {one["name"] for one in value["curves"]} >= {"loss", "val_loss"}


def test_the_matrix_of_a_real_run_counts_its_test_examples(runs: Path) -> None:
    """The trace of the matrix is what the accuracy of the run counts."""
    (found,) = compared("runs/iris")["confusion"]
    for run, one in found["values"].items():
        accuracy = json.loads((runs / run / "metrics.json").read_text())["test"]["accuracy"]
        counts = one["counts"]
        assert sum(map(sum, counts)) == 18
        right = sum(row[at] for at, row in enumerate(counts))
        assert right / 18 == pytest.approx(accuracy, abs=1e-6)


def test_the_folders_that_tests_make_have_the_form_of_real_ones(runs: Path, tmp_path: Path) -> None:
    made = run_folder(tmp_path / "made", spec(layers=LAYERS))
    real = runs / "runs/iris/1"
    read_json = [json.loads((one / "manifest.json").read_text()) for one in (made, real)]
    _has_form(read_json[1], read_json[0], "manifest.json")
    headers = [(one / "history.csv").read_text().splitlines()[0] for one in (made, real)]
    assert headers[0] == headers[1]
    metrics = [json.loads((one / "metrics.json").read_text()) for one in (made, real)]
    _has_form(metrics[1], metrics[0], "metrics.json")
    documents = [read(one / "resolved.yaml").value for one in (made, real)]
    trees: list[Any] = [plain(one.root) for one in documents if one is not None]
    trees[1]["data"].pop("split")
    assert trees[0] == trees[1]


def _has_form(real: Any, made: Any, path: str) -> None:
    """Whether all that was made is in the real one, with values of the same types."""
    number = (int, float)
    same = isinstance(real, number) if isinstance(made, number) else type(real) is type(made)
    assert same, f"{path} is {real!r}, not {made!r}"
    if isinstance(made, dict):
        for key, value in made.items():
            assert key in real, f"{path}.{key}"
            _has_form(real[key], value, f"{path}.{key}")
