"""Runs that `EarlyStopping` ended: a larger patience continues them as if they had begun with it, and
more epochs continue them too.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main

pytestmark = pytest.mark.tensorflow

PATIENCE = "training.callbacks[0].EarlyStopping.patience"


def spec(patience: int) -> dict[str, Any]:
    stopping = {"monitor": "val_loss", "patience": patience, "restore_best_weights": True}
    return {
        "model": {
            "inputs": {"x": [4]},
            "layers": [
                {"Dense": {"units": 8, "activation": "relu"}},
                {"Dropout": 0.2},
                {"Dense": {"units": 1, "name": "y"}},
            ],
        },
        "data": {
            "source": {"npz": "d.npz"},
            "inputs": "x",
            "targets": "y",
            "split": {"validation": 0.3},
        },
        "training": {
            "loss": "mse",
            "epochs": 12,
            "optimizer": {"Adam": 0.05},
            "callbacks": [{"EarlyStopping": stopping}],
        },
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that stopped early, and one with a larger patience."""
    folder = tmp_path_factory.mktemp("stopped")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        np.savez("d.npz", x=rng.normal(size=(64, 4)), y=rng.normal(size=(64, 1)))
        first = ms.load_spec(spec(1)).train("first")
        second = ms.load_spec(spec(3)).train("second")
    assert len(first.history["loss"]) < len(second.history["loss"]) <= 12
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the first run, in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(home / "d.npz", "d.npz")
    return Path(shutil.copytree(home / "first", "first"))


def said(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["resume", "first", *arguments])
    return done.exit_code, done.output


def test_a_complete_run_says_that_it_stopped_early_and_what_continues_it(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    status, output = said()
    assert status == 0
    assert "stopped by EarlyStopping after epoch" in output and PATIENCE in output
    assert said("--set", "training.epochs=3")[0] == 0  # it has trained for as many
    status, output = said("--set", "training.batch_size=4")
    assert status == 2 and "`training.batch_size` changes nothing" in output
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*")}


def test_a_larger_patience_is_as_if_it_had_begun_with_it(run: Path, home: Path) -> None:
    status, output = said("--set", f"{PATIENCE}=3")
    assert status == 0, output
    ours, theirs = ms.open_run(run), ms.open_run(home / "second")
    for mine, its in zip(ours.model.weights, theirs.model.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    one, other = ((folder / "history.csv").read_text() for folder in (run, home / "second"))
    assert [line.split(",")[:3] for line in one.splitlines()] == [
        line.split(",")[:3] for line in other.splitlines()
    ]


def test_more_epochs_alone_continue_it(run: Path) -> None:
    before = ms.open_run(run).history["loss"]
    status, output = said("--set", "training.epochs=20")
    assert status == 0, output
    after = ms.open_run(run).history["loss"]
    assert len(after) > len(before)
    np.testing.assert_array_equal(after[: len(before)], before)


def test_a_smaller_patience_would_have_ended_it_before(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More epochs with a smaller patience: an epoch in which it would have ended was trained."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(home / "second", "second")
    shutil.copy(home / "d.npz", tmp_path)
    with pytest.raises(ms.RunError) as refused:
        ms.resume("second", {"training.epochs": 20, PATIENCE: 1})
    assert [one.code for one in refused.value.diagnostics] == ["MS720"]
