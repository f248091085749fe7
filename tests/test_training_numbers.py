"""A whole training computed in float64 NumPy, from the spec and the arrays: forward, loss, gradients,
regularizers, weights of examples and classes, accumulation, schedule, optimizer; compared with
`history.csv`, `metrics.json`, `evaluate`, the saved weights, and what a callback wrote.

A row of `RUNS` is one run. The model has two heads on one input: numbers `a` (a mean squared error)
and classes `b` (a softmax).
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data.batches import order

pytestmark = pytest.mark.tensorflow

Array = np.ndarray[Any, Any]
TRAIN, OTHERS, EPOCHS = 41, 13, 3
"""Examples: no batch size below divides them."""


@dataclass(frozen=True)
class Run:
    """What is special about a training."""

    batch: int = 8
    optimizer: str = "SGD"
    accumulate: int = 1
    decay: bool = False
    """Whether the rate is 0.1 / (1 + step / 5)."""
    l1: float = 0.0
    l2: float = 0.0
    weighted: bool = False
    class_weight: dict[int, float] = field(default_factory=dict)
    loss_weights: dict[str, float] = field(default_factory=dict)
    smoothing: float = 0.0


RUNS = {
    "plain": Run(),
    "a short last batch, weights of examples, a penalty": Run(batch=7, weighted=True, l2=0.02),
    "accumulation that ends within an epoch, a schedule": Run(
        batch=6, accumulate=3, decay=True, l1=0.01
    ),
    "weights of classes and losses": Run(
        batch=16, class_weight={0: 0.5, 1: 2.0, 2: 3.0}, loss_weights={"a": 2.0, "b": 0.3}
    ),
    "Adam, smoothed labels, one loss weight left out": Run(
        batch=9, optimizer="Adam", smoothing=0.2, loss_weights={"b": 0.25}, weighted=True
    ),
    "momentum, accumulation, everything weighted": Run(
        batch=10,
        optimizer="momentum",
        accumulate=2,
        l2=0.01,
        weighted=True,
        class_weight={0: 1.5, 1: 0.2, 2: 1.0},
        loss_weights={"a": 0.7, "b": 1.3},
    ),
}


# The data -----------------------------------------------------------------------------------------


def part(rng: np.random.Generator, count: int) -> dict[str, Array]:
    x = rng.normal(size=(count, 4))
    classes = (x[:, :3] + rng.normal(size=(count, 3)) / 2).argmax(1)
    return {
        "x": x,
        "a": x[:, :2] * 2 + rng.normal(size=(count, 2)),
        "b": classes,
        "one_hot": np.eye(3)[classes],
        "w": rng.uniform(0.2, 2, count),
    }


def spec(run: Run) -> dict[str, Any]:
    """As a user writes it. The weights start from 0: nothing is drawn."""
    zero = {"kernel_initializer": "zeros", "from": "x"}
    penalty = {"L1L2": {"l1": run.l1, "l2": run.l2}}
    optimizer: dict[str, Any] = {"learning_rate": 0.1}
    if run.decay:
        optimizer["learning_rate"] = {
            "InverseTimeDecay": {
                "initial_learning_rate": 0.1,
                "decay_steps": 5,
                "decay_rate": 1.0,
            }
        }
    if run.accumulate > 1:
        optimizer["gradient_accumulation_steps"] = run.accumulate
    if run.optimizer == "momentum":
        optimizer["momentum"] = 0.9
    smoothed = {"CategoricalCrossentropy": {"label_smoothing": run.smoothing}}
    training = {
        "optimizer": {"Adam" if run.optimizer == "Adam" else "SGD": optimizer},
        "loss": {"a": "mse", "b": smoothed if run.smoothing else "sparse_categorical_crossentropy"},
        "metrics": {"a": ["mae"], "b": ["accuracy"]},
        "weighted_metrics": {"b": ["accuracy"]},
        "epochs": EPOCHS,
        "batch_size": run.batch,
        "callbacks": [{"CSVLogger": "seen.csv"}],
    }
    if run.loss_weights:
        training["loss_weights"] = run.loss_weights
    if run.class_weight:
        training["class_weight"] = {"b": run.class_weight}
    layers = [
        {"Dense": {"units": 2, "name": "a", "kernel_regularizer": penalty, **zero}},
        {"Dense": {"units": 3, "name": "b", "activation": "softmax", **zero}},
    ]
    return {
        "seed": 5,
        "model": {"inputs": {"x": [4]}, "layers": layers, "outputs": ["a", "b"]},
        "data": {
            **{name: {"npz": f"{name}.npz"} for name in ("train", "validation", "test")},
            "inputs": {"x": {"column": "x"}},
            "targets": {
                "a": {"column": "a"},
                "b": {"column": "one_hot" if run.smoothing else "b"},
            },
            **({"weights": "w"} if run.weighted else {}),
        },
        "training": training,
    }


# The training, in float64 -------------------------------------------------------------------------


class Reference:
    """The two heads, and what a step does to them."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.weights = [np.zeros((4, 2)), np.zeros(2), np.zeros((4, 3)), np.zeros(3)]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        self.collected: list[list[Array]] = []
        self.steps = 0

    def outputs(self, data: dict[str, Array]) -> tuple[Array, Array]:
        kernel_a, bias_a, kernel_b, bias_b = self.weights
        logits = data["x"] @ kernel_b + bias_b
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return data["x"] @ kernel_a + bias_a, powers / powers.sum(1, keepdims=True)

    def scale(self, data: dict[str, Array], *, training: bool) -> tuple[Array, Array]:
        """How much each example counts in either loss."""
        w = data["w"] if self.run.weighted else np.ones(len(data["x"]))
        known = self.run.class_weight if training else {}
        return w, w * np.array([known.get(int(one), 1.0) for one in data["b"]])

    def labels(self, data: dict[str, Array]) -> Array:
        return data["one_hot"] * (1 - self.run.smoothing) + self.run.smoothing / 3

    def measure(self, data: dict[str, Array], *, training: bool) -> dict[str, float]:
        """Every number of a batch, and how many examples it has."""
        a, b = self.outputs(data)
        w_a, w_b = self.scale(data, training=training)
        loss_a = (w_a * ((a - data["a"]) ** 2).mean(1)).mean()
        loss_b = (w_b * -(self.labels(data) * np.log(b)).sum(1)).mean()
        right = b.argmax(1) == data["b"]
        share = self.run.loss_weights
        return {
            "loss": share.get("a", 1) * loss_a + share.get("b", 1) * loss_b + self.penalty(),
            "a_loss": loss_a,
            "b_loss": loss_b,
            "a_mae": abs(a - data["a"]).mean(),
            "b_accuracy": right.mean(),
            "right": (w_b * right).sum(),
            "weight": w_b.sum(),
        }

    def penalty(self) -> float:
        kernel = self.weights[0]
        return float(self.run.l1 * abs(kernel).sum() + self.run.l2 * (kernel**2).sum())

    def gradients(self, data: dict[str, Array]) -> list[Array]:
        a, b = self.outputs(data)
        w_a, w_b = self.scale(data, training=True)
        count, share = len(a), self.run.loss_weights
        back_a = share.get("a", 1) * w_a[:, None] * 2 * (a - data["a"]) / 2 / count
        back_b = share.get("b", 1) * w_b[:, None] * (b - self.labels(data)) / count
        kernel = self.weights[0]
        penalty = self.run.l1 * np.sign(kernel) + 2 * self.run.l2 * kernel
        x = data["x"].T
        return [x @ back_a + penalty, back_a.sum(0), x @ back_b, back_b.sum(0)]

    def rate(self, step: int) -> float:
        """Of a step, from 0. A schedule counts batches, also where gradients are collected."""
        return 0.1 / (1 + step / 5) if self.run.decay else 0.1

    def step(self, data: dict[str, Array]) -> None:
        self.collected.append(self.gradients(data))
        rate = self.rate(self.steps)
        self.steps += 1
        if self.steps % self.run.accumulate:
            return
        gradients = [sum(one) / self.run.accumulate for one in zip(*self.collected, strict=True)]
        self.collected = []
        updates = self.steps // self.run.accumulate
        for index, gradient in enumerate(gradients):
            self.weights[index] = self.weights[index] + self.change(index, gradient, rate, updates)

    def change(self, index: int, gradient: Array, rate: float, updates: int) -> Array:
        first, second = self.moments[index]
        if self.run.optimizer == "SGD":
            return -rate * gradient
        if self.run.optimizer == "momentum":
            first = 0.9 * first - rate * gradient
            self.moments[index] = (first, second)
            return first
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        self.moments[index] = (first, second)
        rate *= np.sqrt(1 - 0.999**updates) / (1 - 0.9**updates)
        return -rate * first / (np.sqrt(second) + 1e-7)


def mean_of(batches: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Over batches: each counts by its examples, a weighted metric by its weights."""
    every = sum(count for count, _ in batches)
    names = ("loss", "a_loss", "b_loss", "a_mae", "b_accuracy")
    found = {name: sum(n * one[name] for n, one in batches) / every for name in names}
    right, weight = (sum(one[name] for _, one in batches) for name in ("right", "weight"))
    return {**found, "b_weighted_accuracy": right / weight}


def cut(data: dict[str, Array], rows: Array, size: int) -> list[dict[str, Array]]:
    return [
        {name: values[rows[start : start + size]] for name, values in data.items()}
        for start in range(0, len(rows), size)
    ]


def reference(
    run: Run, data: dict[str, dict[str, Array]]
) -> tuple[Reference, list[dict[str, float]]]:
    """The trained heads, and a row of the history for each epoch."""
    model, rows = Reference(run), []
    for epoch in range(EPOCHS):
        batches = []
        for batch in cut(data["train"], order(5, epoch, TRAIN), run.batch):
            batches.append((len(batch["x"]), model.measure(batch, training=True)))
            model.step(batch)
        validated = evaluated(model, data["validation"])
        rows.append(
            {
                **mean_of(batches),
                **{f"val_{name}": value for name, value in validated.items()},
                "learning_rate": model.rate(model.steps - 1),
            }
        )
    return model, rows


def evaluated(model: Reference, data: dict[str, Array]) -> dict[str, float]:
    return mean_of([(len(data["x"]), model.measure(data, training=False))])


# The comparison -----------------------------------------------------------------------------------


def rows_of(path: Path) -> list[dict[str, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def compare(found: dict[str, float], expected: dict[str, float]) -> None:
    assert {name: found.get(name) for name in expected} == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("name", RUNS)
def test_a_training_is_that_of_numpy(name: str, tmp_path: Path) -> None:
    run, rng = RUNS[name], np.random.default_rng(len(name))
    counts = {"train": TRAIN, "validation": OTHERS, "test": OTHERS + 4}
    data = {one: part(rng, count) for one, count in counts.items()}
    for one, arrays in data.items():
        np.savez(tmp_path / f"{one}.npz", **arrays)
    (tmp_path / "spec.json").write_text(json.dumps(spec(run)), encoding="utf-8")
    trained = ms.load_spec(tmp_path / "spec.json").train(run_dir=tmp_path / "run")
    model, rows = reference(run, data)

    for found, expected in zip(rows_of(tmp_path / "run" / "history.csv"), rows, strict=True):
        compare(found, expected)
    for found, expected in zip(rows_of(tmp_path / "run" / "seen.csv"), rows, strict=True):
        compare(found, {key: one for key, one in expected.items() if key != "learning_rate"})
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for one in ("validation", "test"):
        compare(metrics[one], evaluated(model, data[one]))
    assert ms.open_run(tmp_path / "run").metrics == metrics["test"]
    for found, expected in zip(trained.model.get_weights(), model.weights, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
