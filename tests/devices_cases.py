"""Trains specs on one device and on several logical devices in one process, which needs them from its
start, and writes the largest differences of weights and logs to `found.json`:

    python -m tests.devices_cases FOLDER weighted:2 exactness
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

import modelspec as ms
from modelspec.runtime.run import Interrupted, Watcher, resume, train

ROWS = 23
"""With batches of 5: 4 whole ones, and one of 3 examples."""
DOUBLE = "float64"


def data(folder: Path) -> None:
    """Columns of numbers, classes and weights."""
    draw = np.random.default_rng(7)
    np.savez(
        folder / "d.npz",
        x=draw.normal(size=(ROWS, 3)),
        pair=draw.normal(size=(ROWS, 2)),
        bad=np.where(np.arange(ROWS)[:, None] == 4, 1e30, draw.normal(size=(ROWS, 3))),
        y=draw.integers(0, 2, ROWS),
        z=draw.normal(size=ROWS),
        w=draw.uniform(0.2, 2, ROWS),
    )


def loss(kind: str, **settings: Any) -> dict[str, Any]:
    """A loss that computes in float64."""
    return {kind: {"dtype": DOUBLE, **settings}}


def spec(inputs: Any, layers: list[Any], columns: Any, targets: Any, **training: Any) -> Any:
    """A spec in float64 on these data."""
    weights, outputs = training.pop("weights", None), training.pop("outputs", None)
    return {
        "seed": 5,
        "model": {"inputs": inputs, "layers": layers, **({"outputs": outputs} if outputs else {})},
        "data": {
            "source": {"npz": "d.npz"},
            "inputs": columns,
            "targets": targets,
            "split": {"validation": 0.3},
            **({"weights": weights} if weights else {}),
        },
        "training": {
            key: value
            for key, value in {"epochs": 2, "batch_size": 5, **training}.items()
            if value is not None
        },
        "runtime": {"precision": DOUBLE, **training.pop("runtime", {})},
    }


def dense(units: int = 4, **settings: Any) -> dict[str, Any]:
    """A layer."""
    return {"Dense": {"units": units, **settings}}


L2 = {"L2": 0.01}
CASES: dict[str, Any] = {
    # Regularizers of weights and activations, class weights, clipping by the global norm, and a
    # validation whose last batch has one example, which no replica but the first computes.
    "weighted": spec(
        {"x": [3]},
        [
            dense(5, activation="relu", kernel_regularizer=L2, activity_regularizer=L2),
            {"BatchNormalization": {"synchronized": True}},
            dense(1, activation="sigmoid"),
        ],
        {"x": "x"},
        "y",
        loss=loss("BinaryCrossentropy"),
        optimizer={"SGD": {"learning_rate": 0.1, "momentum": 0.9, "global_clipnorm": 0.3}},
        class_weight="balanced",
        weights="w",
        metrics=["accuracy", "AUC"],
        weighted_metrics=["accuracy"],
    ),
    # A sum, averages of weights, more replicas than examples in the last batch.
    "sum": spec(
        {"x": [3]},
        [dense(2, activation="relu"), dense(1)],
        {"x": "x"},
        "z",
        loss=loss("MeanAbsoluteError", reduction="sum"),
        optimizer={"AdamW": {"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.9,
                             "gradient_accumulation_steps": 2}},
        metrics=["mse"],
        batch_size=5,
    ),
    # Players: two updates of the first, random inputs, a regularizer, a moving average.
    "players": {
        "seed": 5,
        "model": {
            "inputs": {"real": [2], "noise": [3]},
            "shared": {
                "generator": [dense(4, activation="tanh"), dense(2)],
                "critic": [dense(4, activation="tanh", kernel_regularizer=L2), dense(1)],
                "smooth": {"ema_of": "generator", "momentum": 0.8},
            },
            "layers": [
                {"generator": {"from": "noise", "name": "made"}},
                {"critic": {"from": "real", "name": "on_real"}},
                {"critic": {"from": "made", "name": "on_made"}},
                {"smooth": {"from": "noise", "name": "kept"}},
            ],
            "outputs": ["made", "on_real", "on_made", "kept"],
        },
        "data": {
            "source": {"npz": "d.npz"},
            "inputs": {"real": {"column": "pair"}, "noise": {"random": "normal"}},
            "split": {"validation": 0.3},
        },
        "training": {
            "epochs": 2,
            "batch_size": 5,
            "players": {
                "critic": {
                    "trains": ["critic"],
                    "objective": {"real": "softplus(-on_real)", "made": "softplus(on_made)"},
                    "optimizer": {"Adam": {"learning_rate": 0.01}},
                    "updates": 2,
                },
                "generator": {
                    "trains": ["generator"],
                    "objective": {"fool": {"formula": "mean(softplus(-on_made))"}},
                    "optimizer": {"SGD": {"learning_rate": 0.05, "momentum": 0.9}},
                },
            },
        },
        "runtime": {"precision": DOUBLE},
    },
    # Stages; a loss and terms that mix the examples of the global batch, and gradients in terms.
    "stages": spec(
        {"x": [3]},
        [dense(4, activation="tanh", name="h"), dense(1, activation="sigmoid", name="y")],
        {"x": "x"},
        "y",
        epochs=None,
        loss=loss("Dice"),
        objective={
            "spread": {"formula": "mean(square(h @ transpose(h)))", "weight": 0.1},
            "each": {"formula": "sum(square(h), axis=-1)", "weight": 0.2},
            "slope": {"formula": "sum(square(gradient(y, h)), axis=-1)", "weight": 0.1},
        },
        optimizer={"SGD": 0.05},
        metrics=["mae"],
        stages=[
            {"name": "head", "epochs": 1, "freeze": ["h"]},
            {"name": "all", "epochs": 1, "freeze": [], "optimizer": {"Adam": 0.01}},
        ],
    ),
}  # fmt: skip


def trained(name: str, devices: int) -> Any:
    """A run of a case."""
    made = CASES[name]
    made = {**made, "runtime": {**made["runtime"], "devices": devices}}
    return ms.load_spec(made).train(f"{name}-{devices}")


def compared(name: str, devices: int) -> dict[str, float]:
    """The largest difference of weights and of logged numbers."""
    one, other = (trained(name, count) for count in (1, devices))
    weights = [
        float(np.max(np.abs(a - b), initial=0.0))
        for a, b in zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    ]
    logs = {
        f"log {key}": float(np.max(np.abs(np.subtract(one.history[key], other.history[key]))))
        for key in one.history
        if key != "seconds"
    }
    return {"weights": max(weights), **logs}


# Dropout, statistics of each replica, a callback that changes the rate; batches of 3 and 2 examples.
NOISY = spec(
    {"x": [3]},
    [
        dense(4, activation="relu"),
        {"BatchNormalization": {}},
        {"Dropout": 0.4},
        {"GaussianNoise": 0.1},
        dense(1),
    ],
    {"x": "x"},
    "z",
    loss="mse",
    metrics=["mae"],
    optimizer={"Adam": {"learning_rate": 0.01}},
    callbacks=[{"ReduceLROnPlateau": {"monitor": "val_loss", "patience": 0, "factor": 0.5}}],
    checkpoint={"every": "2 steps"},
    epochs=4,
)
NOISY["runtime"] = {"devices": 2}


class Stopping(Watcher):
    """Ends a run by a signal after a number of steps."""

    wants_steps = True

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, epoch: int, step: int, logs: Any) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGTERM)


def files_of(run: Path) -> tuple[Any, ...]:
    """The weights and the history of a run, without times."""
    model = keras.models.load_model(run / "model.keras", compile=False)
    rows = list(csv.DictReader((run / "history.csv").open()))
    logs = [{key: one for key, one in row.items() if key != "seconds"} for row in rows]
    return [one.tobytes() for one in model.get_weights()], logs


def exactness() -> dict[str, Any]:
    """What a run that was stopped ends with, on the same number of devices and on one."""
    ms.load_spec(NOISY).train("whole")
    folder, found = Path("stopped"), {}
    try:
        train(ms.load_spec(NOISY), folder, watcher=Stopping(9))
    except Interrupted:
        found["stopped"] = True
    shutil.copytree(folder, "fewer")
    found["refused"] = refusal(resume, folder, {"runtime.devices": 1})
    resume(folder)
    resume("fewer", {"runtime.devices": 1}, allow_inexact=True)
    one, other = (ms.open_run(name) for name in ("whole", "fewer"))
    return {
        **found,
        "resumed": files_of(folder) == files_of(Path("whole")),
        "replicas": json.loads(Path("whole/manifest.json").read_text())["backend"]["replicas"],
        "continued": len(other.history["loss"]) == len(one.history["loss"]),
        "inexact": json.loads(Path("fewer/manifest.json").read_text()).get("inexact"),
        "gpus": refusal(ms.load_spec({**NOISY, "runtime": {"devices": [0, 1]}}).train, "gpus"),
        "skipped": skipped(),
    }


def skipped() -> list[Any]:
    """The weights of a run whose batches are not finite on one of two replicas, which changes
    nothing on both.
    """
    bad = {**NOISY, "data": {**NOISY["data"], "inputs": {"x": "bad"}}}
    bad["training"] = {**NOISY["training"], "on_nan": "skip", "epochs": 1}
    run = ms.load_spec(bad).train("skipped")
    return [bool(np.isfinite(one).all()) for one in run.model.get_weights()]


def refusal(act: Any, *arguments: Any) -> str:
    """The code of the error of a call."""
    try:
        act(*arguments)
    except (ms.RunError, ms.SpecError) as error:
        return str(error.diagnostics[0].code)
    return ""


def main() -> None:
    """Everything in one process."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    os.chdir(folder)
    data(folder)
    found: dict[str, Any] = {}
    for name in names:
        key, _, devices = name.partition(":")
        if name == "exactness":
            found[name] = exactness()
        else:
            found[name] = compared(key, int(devices))
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    import keras
    import tensorflow as tf

    processor = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration() for _ in range(3)]
    tf.config.set_logical_device_configuration(processor, logical)
    main()
