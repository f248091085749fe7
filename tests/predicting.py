"""Small trained runs that the tests of predictions share."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

import modelspec as ms

LABELS = ("Adelie", "Chinstrap", "Gentoo")
LOOKUP = [{"StringLookup": {"num_oov_indices": 0}}]
MEASURES = {"columns": ["a", "b"], "transform": ["Normalization"]}


def write_rows(path: Path, count: int, seed: int = 0) -> None:
    """A table with an id, two measures, and targets of every kind."""
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["code", "a", "b", "species", "sick", "wet", "cold", "price", "w"])
        for number in range(count):
            kind = int(rng.integers(3))
            a, b = rng.normal(2 * kind), rng.normal(-kind)
            marks = [int(a + rng.normal() > 1), int(b + rng.normal() > -1)]
            sick = "yes" if rng.random() < 1 / (1 + np.exp(2 - a)) else "no"
            price, weight = float(np.exp(0.5 * a + 3)), float(rng.uniform(0.5, 2))
            row = [f"{number:05d}", f"{a:.6f}", f"{b:.6f}", LABELS[kind], sick, *marks]
            out.writerow([*row, f"{price:.4f}", f"{weight:.4f}"])


def spec(units: int, target: dict[str, Any], loss: Any, **more: Any) -> dict[str, Any]:
    """A spec of one hidden layer and one output."""
    activation = more.pop("activation", "linear")
    metrics = more.pop("metrics", [])
    weighted = {"weighted_metrics": more.pop("weighted")} if "weighted" in more else {}
    (name,) = target
    return {
        "seed": 2,
        "model": {
            "inputs": {"x": [2]},
            "layers": [
                {"Dense": {"units": 8, "activation": "relu"}},
                {"Dense": {"units": units, "activation": activation, "name": name}},
            ],
        },
        "data": {
            "source": {"csv": "rows.csv"},
            "split": {"validation": 0.3, "test": 0.3},
            "inputs": {"x": MEASURES},
            "targets": target,
            **more,
        },
        "training": {
            "optimizer": {"Adam": 0.02},
            "loss": loss,
            "metrics": metrics,
            **weighted,
            "epochs": 4,
            "checkpoint": {"every": "1000 epochs"},
        },
    }


SPECS: dict[str, dict[str, Any]] = {
    "species": spec(
        3,
        {"species": {"column": "species", "transform": LOOKUP}},
        "sparse_categorical_crossentropy",
        activation="softmax",
        metrics=["accuracy"],
    ),
    "logits": spec(
        3,
        {"species": {"column": "species", "transform": LOOKUP}},
        {"SparseCategoricalCrossentropy": {"from_logits": True}},
    ),
    "sick": spec(
        1,
        {"sick": {"column": "sick", "transform": LOOKUP}},
        "binary_crossentropy",
        activation="sigmoid",
        metrics=["accuracy", "Precision", "Recall"],
    ),
    "tags": spec(
        2, {"tags": {"columns": ["wet", "cold"]}}, "binary_crossentropy", activation="sigmoid"
    ),
    "price": spec(
        1,
        {"price": {"column": "price", "transform": [{"Expression": "log1p(x)"}, "Normalization"]}},
        "mse",
        metrics=["mae", "mse", {"RootMeanSquaredError": {"name": "rmse"}}, "R2Score", "mape"],
        weighted=["mae"],
        weights="w",
    ),
}


def trained(folder: Path, *names: str) -> None:
    """Train runs of these names below a folder."""
    write_rows(folder / "rows.csv", 160)
    for name in names:
        ms.load_spec(SPECS[name]).train(run_dir=folder / name)


def read_csv(path: str | Path) -> list[dict[str, str]]:
    """The rows of a csv file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
