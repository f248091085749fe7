"""A training says by what it was stopped, after which epoch and why, and which epoch's weights it
kept. What is said is compared with the history and with the model that is saved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.history.ending import Ending

pytestmark = pytest.mark.tensorflow
EPOCHS = 8
STOP = {"monitor": "val_loss", "patience": 1, "min_delta": 0.05}


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, count in (("train", 30), ("val", 20)):
        x = rng.normal(size=(count, 3)).astype("float32")
        y = (x[:, 0] * x[:, 1] + rng.normal(size=count)).astype("float32")
        np.savez(f"{name}.npz", x=x, y=y)


def spec(*callbacks: Any, epochs: int = EPOCHS) -> dict[str, Any]:
    return {
        "seed": 1,
        "model": {
            "inputs": {"x": [3]},
            "layers": [
                {"Dense": {"units": 8, "activation": "tanh"}},
                {"Dense": {"units": 1, "name": "y"}},
            ],
        },
        "data": {
            "train": {"npz": "train.npz"},
            "validation": {"npz": "val.npz"},
            "inputs": {"x": "x"},
            "targets": {"y": "y"},
        },
        "training": {
            "optimizer": {"Adam": 0.3},
            "loss": "mse",
            "epochs": epochs,
            "batch_size": 8,
            "callbacks": list(callbacks),
        },
    }


def trained(*callbacks: Any) -> tuple[dict[str, Any], list[float], float]:
    """The ending in the manifest, the validation losses of the epochs, and that of what is saved."""
    run = ms.load_spec(spec(*callbacks)).train("run")
    found = json.loads(Path("run/manifest.json").read_text())["ending"]
    return found, run.history["val_loss"], run.by_part["validation"]["loss"]


def stops_after(losses: list[float], patience: int, delta: float) -> tuple[int, int]:
    """The epochs from 1 after which a training with these losses stops, and the best of them."""
    best, at = float("inf"), 0
    for epoch, loss in enumerate(losses, 1):
        if loss < best - delta:
            best, at = loss, epoch
        elif epoch - at >= patience:
            return epoch, at
    return len(losses), at


def test_a_training_without_such_callbacks_has_its_last_weights() -> None:
    found, losses, saved = trained()
    assert found == {"epochs": EPOCHS, "planned": EPOCHS, "weights_of_epoch": EPOCHS}
    assert saved == pytest.approx(losses[-1], rel=1e-5)


def test_a_training_that_stops_keeps_its_last_weights_by_default() -> None:
    found, losses, saved = trained({"EarlyStopping": STOP})
    last, _ = stops_after(losses, 1, 0.05)
    assert len(losses) == last < EPOCHS
    assert found == {
        "epochs": last,
        "planned": EPOCHS,
        "weights_of_epoch": last,
        "stopped_by": "EarlyStopping",
        "why": "`val_loss` did not improve by more than 0.05 for 1 epoch",
    }
    assert saved == pytest.approx(losses[-1], rel=1e-5)


def test_a_training_that_takes_the_best_weights_back_says_of_which_epoch() -> None:
    found, losses, saved = trained({"EarlyStopping": {**STOP, "restore_best_weights": True}})
    last, best = stops_after(losses, 1, 0.05)
    assert (found["epochs"], found["weights_of_epoch"]) == (last, best) and best < last
    assert found["best"] == losses[best - 1] == pytest.approx(saved, rel=1e-5)
    assert found["monitor"] == "val_loss"


def test_the_best_weights_are_taken_back_at_the_planned_end_too() -> None:
    patient = {"monitor": "val_loss", "patience": 99, "restore_best_weights": True}
    found, losses, saved = trained({"EarlyStopping": patient})
    best = int(np.argmin(losses)) + 1
    assert best < EPOCHS == found["epochs"] and found["weights_of_epoch"] == best
    assert saved == pytest.approx(losses[best - 1], rel=1e-5)
    assert "stopped_by" not in found


def test_of_two_callbacks_that_take_weights_back_the_last_one_counts() -> None:
    first = {"monitor": "loss", "patience": 99, "restore_best_weights": True}
    second = {**first, "monitor": "val_loss", "baseline": -1.0, "patience": 2}
    found, losses, saved = trained({"EarlyStopping": first}, {"EarlyStopping": second})
    assert found["monitor"] == "val_loss"
    assert found["why"] == f"`val_loss` did not improve on -1 for {len(losses)} epochs"
    assert found["weights_of_epoch"] == int(np.argmin(losses)) + 1 < len(losses) < EPOCHS
    assert saved == pytest.approx(min(losses), rel=1e-5)


def test_a_resumed_run_has_the_ending_of_its_new_end() -> None:
    Path("a.json").write_text(
        json.dumps(spec({"EarlyStopping": {**STOP, "patience": 99}}, epochs=2))
    )
    invoke = CliRunner().invoke
    assert invoke(main, ["train", "a.json", "--run-dir", "run"]).exit_code == 0
    result = invoke(main, ["resume", "run", "--set", "training.epochs=3"])
    assert result.exit_code == 0, result.output
    found = json.loads(Path("run/manifest.json").read_text())["ending"]
    assert found == {"epochs": 3, "planned": 3, "weights_of_epoch": 3}


def test_the_command_line_says_it_below_the_epochs() -> None:
    Path("a.json").write_text(
        json.dumps(spec({"EarlyStopping": {**STOP, "restore_best_weights": True}}))
    )
    result = CliRunner().invoke(main, ["train", "a.json", "--run-dir", "run"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("stopped by"))
    assert lines[at - 1].startswith("epoch ")
    assert f" of {EPOCHS}: `val_loss` did not improve" in lines[at]
    assert lines[at + 1].startswith("kept the weights: those of epoch ")
    shown = CliRunner().invoke(main, ["runs", "run"]).output
    assert lines[at] in shown and lines[at + 1].partition(": ")[2] in shown
    assert "those of epoch" in Path("run/report.html").read_text("utf-8")


def test_an_ending_in_words() -> None:
    assert Ending(3, 3, 3).stop is None and Ending(3, 3, 3).weights is None
    assert (
        Ending(3, 9, 3, stopped_by="a callback").stop == "stopped by a callback after epoch 3 of 9"
    )
    assert Ending(3, 9, 2, "auc", None).weights == "those of epoch 2, the best by `auc`"
