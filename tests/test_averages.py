"""What is saved is what was logged, with averages of the weights (`use_ema`) in every combination
with callbacks that keep weights.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

SWAP = {"SwapEMAWeights": {"swap_on_epoch": True}}
SWAP_AT_TESTS = {"SwapEMAWeights": {"swap_on_epoch": False}}
BEST = {"EarlyStopping": {"monitor": "val_loss", "patience": 50, "restore_best_weights": True}}
STOP = {"EarlyStopping": {"monitor": "val_loss", "patience": 1}}
STOP_AT_BEST = {
    "EarlyStopping": {"monitor": "val_loss", "patience": 1, "restore_best_weights": True}
}
KEEP = {
    "ModelCheckpoint": {
        "filepath": "best.weights.h5",
        "monitor": "val_loss",
        "save_best_only": True,
        "save_weights_only": True,
    }
}


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, count in (("train", 30), ("val", 20)):
        x = rng.normal(size=(count, 3)).astype("float32")
        y = (x[:, 0] * x[:, 1] + rng.normal(size=count)).astype("float32")
        np.savez(f"{name}.npz", x=x, y=y)


def spec(callbacks: list[Any], **optimizer: Any) -> dict[str, Any]:
    settings = {"learning_rate": 0.3, "use_ema": True, "ema_momentum": 0.7, **optimizer}
    return {
        "seed": 1,
        "model": {
            "inputs": {"x": [3]},
            "layers": [
                {"Dense": {"units": 8, "activation": "tanh"}},
                "BatchNormalization",
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
            "optimizer": {"Adam": settings},
            "loss": "mse",
            "epochs": 6,
            "batch_size": 8,
            "callbacks": callbacks,
        },
    }


def logged(run: Any) -> list[float]:
    with (run.directory / "history.csv").open() as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


def loss_of(model: Any) -> float:
    """In float64, from the model's own predictions."""
    data = np.load("val.npz")
    found = model.predict(data["x"], verbose=0).astype(np.float64)[:, 0]
    return float(((found - data["y"]) ** 2).mean())


@pytest.mark.parametrize(
    ("callbacks", "restored"),
    [
        ([], False),
        ([SWAP], False),
        ([SWAP_AT_TESTS], False),
        ([BEST], True),
        ([SWAP, BEST], True),
        ([BEST, SWAP], True),
        ([SWAP_AT_TESTS, BEST], True),
        ([SWAP, STOP], False),
        ([STOP_AT_BEST, SWAP_AT_TESTS], True),
    ],
)
def test_the_saved_model_has_the_value_that_was_logged(
    callbacks: list[Any], restored: bool
) -> None:
    run = ms.load_spec(spec(callbacks)).train("run")
    values = logged(run)
    expected = min(values) if restored else values[-1]
    assert run.by_part["validation"]["loss"] == pytest.approx(expected, rel=1e-6)
    assert loss_of(ms.load_model("run/model.keras")) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("callbacks", [[KEEP], [KEEP, SWAP], [SWAP_AT_TESTS, KEEP]])
def test_what_a_checkpoint_of_keras_keeps_has_the_value_that_was_logged(
    callbacks: list[Any],
) -> None:
    run = ms.load_spec(spec(callbacks)).train("run")
    model = run.model
    model.load_weights("run/best.weights.h5")
    assert loss_of(model) == pytest.approx(min(logged(run)), rel=1e-5)


def test_averages_change_nothing_about_how_the_weights_are_trained() -> None:
    """The steps after an epoch go on from the weights, and not from their averages."""
    plain, averaged = (
        ms.load_spec(spec([], use_ema=use, ema_momentum=0.99)).train(f"run-{use}")
        for use in (False, True)
    )
    assert averaged.history["loss"] == pytest.approx(plain.history["loss"], rel=1e-4)
    assert averaged.history["val_loss"] != plain.history["val_loss"]
