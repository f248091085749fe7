"""How much memory a process holds after many trainings and predictions, beside plain Keras.

    python benchmarks/memory.py [trainings [predictions]]

Each of the two runs in a new process: it trains the same small model repeatedly, with a new model
each time, evaluates and saves it, and then predicts with the last one repeatedly. It prints the
resident memory, and how much each further training and prediction adds, from the fifth one on, when
one-time allocations are done. Target: at most what plain Keras adds. Plain Keras adds some memory
for each model, and none for predictions.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EPOCHS, ROWS, FEW = 2, 200, 10
SPEC: dict[str, Any] = {
    "seed": 1,
    "model": {
        "inputs": {"x": [4]},
        "layers": [{"Dense": {"units": 8}}, {"Dense": {"units": 1, "name": "y"}}],
    },
    "data": {
        "source": {"npz": "d.npz"},
        "inputs": {"x": {"column": "x"}},
        "targets": {"y": {"column": "y"}},
    },
    "training": {"loss": "mse", "epochs": EPOCHS},
}


def resident() -> float:
    """Resident megabytes of this process."""
    gc.collect()
    with Path("/proc/self/status").open(encoding="ascii") as lines:
        line = next(one for one in lines if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


def modelspec_calls(x: Any, y: Any) -> tuple[Callable[[int], Any], Callable[[Any], Any]]:
    """A function that trains, and one that predicts with the result."""
    import modelspec as ms

    spec = ms.load_spec(SPEC)
    return (
        lambda number: spec.train(f"run{number}", data={"x": x, "y": y}),
        lambda run: run.predict({"x": x[:FEW]}),
    )


def keras_calls(x: Any, y: Any) -> tuple[Callable[[int], Any], Callable[[Any], Any]]:
    """As `modelspec_calls`."""
    import keras

    def train(number: int) -> Any:
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)],
        )
        model.compile("adam", "mse")
        model.fit(x, y, epochs=EPOCHS, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.save(f"run{number}.keras")
        return model

    return train, lambda model: model.predict(x[:FEW], verbose=0)


def measure(who: str, trainings: int, predictions: int) -> None:
    """Print the memory of this process along the way, as JSON."""
    import numpy as np

    drawn = np.random.default_rng(0)
    x, y = (drawn.random((ROWS, width)).astype("float32") for width in (4, 1))
    train, predict = (modelspec_calls if who == "modelspec" else keras_calls)(x, y)
    found: dict[str, dict[int, float]] = {"trainings": {}, "predictions": {}}
    made: Any = None
    for number in range(1, trainings + 1):
        made = train(number)
        if number in (1, 5) or number % 10 == 0:
            found["trainings"][number] = resident()
    for number in range(1, predictions + 1):
        predict(made)
        if number in (5, 100) or number % 250 == 0:
            found["predictions"][number] = resident()
    sys.stdout.write(json.dumps(found) + "\n")


def measured(who: str, trainings: int, predictions: int) -> dict[str, dict[int, float]]:
    """The memory of a new process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, str(Path(__file__).resolve()), who, str(trainings), str(predictions)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        kind: {int(number): size for number, size in sizes.items()} for kind, sizes in found.items()
    }


def each(sizes: dict[int, float]) -> float:
    """Megabytes that each further one adds, from the fifth on."""
    last = max(sizes)
    return (sizes[last] - sizes[5]) / (last - 5)


def ratio(own: float, other: float) -> str:
    """That of what each adds; `-` if plain Keras adds less than a page of memory."""
    return f"{own / other:.2f}" if other > mmap.PAGESIZE / 1e6 else "-"


def main() -> None:
    """Prints a table for each kind of work, with the ratio of what modelspec and Keras add."""
    trainings, predictions = (int(one) for one in [*sys.argv[1:], "30", "1000"][:2])
    found = {who: measured(who, trainings, predictions) for who in ("modelspec", "keras")}
    for kind in ("trainings", "predictions"):
        sizes = {who: one[kind] for who, one in found.items()}
        print(f"{kind:>12} {'modelspec':>12} {'Keras':>12}   MB resident")
        for number in sizes["keras"]:
            print(f"{number:12,} {sizes['modelspec'][number]:12.0f} {sizes['keras'][number]:12.0f}")
        added = {who: each(one) for who, one in sizes.items()}
        print(f"{'each adds':>12} {added['modelspec']:12.2f} {added['keras']:12.2f}")
        print(f"{'ratio':>12} {ratio(added['modelspec'], added['keras']):>12}\n")


if __name__ == "__main__":
    if sys.argv[1:2] in (["modelspec"], ["keras"]):
        measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
