"""The cost of `modelspec predict` and `evaluate` beside pandas and Keras by hand.

    python benchmarks/predicting.py [rounds [rows [images [kind,...]]]]

Each kind of source is predicted by a new process of the command line, and by a new process of a
program that does the same by hand: it reads the whole source with the fastest reader for it, calls
`predict` with batches of 1024 rows, and writes a csv file (for `jsonl` sources a `jsonl` file). The
two alternate. Processor seconds of user and system, the median of the rounds, with the ratio of
modelspec to the program, and the peak memory of both. Target: a ratio of at most 1.0, and memory
that does not grow with the rows beyond a few bytes for each.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from check import environment_for

COLUMNS = [f"x{number}" for number in range(8)]
SIDE = 32
TABLES = ("csv", "parquet", "npz", "hdf5", "jsonl")
TRAINED = 2_000
"""The rows from which the models are trained; their accuracy does not matter here."""
BATCH = 1024
CLASSES = {"StringLookup": {"num_oov_indices": 0}}
DEFAULTS = (3, 1_000_000, 5_000)
"""Rounds, rows and images."""

# Data ---------------------------------------------------------------------------------------------


def write_table(kind: str, path: Path, rows: int) -> None:
    """A source with eight columns of numbers and a target."""
    import h5py
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, len(COLUMNS))).astype("float32").round(4)
    y = (x @ np.arange(len(COLUMNS))).astype("float32")[:, None].round(4)
    frame = pd.DataFrame(x, columns=COLUMNS).assign(y=y)
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif kind == "npz":
        np.savez(path, x=x, y=y)
    else:
        with h5py.File(path, "w") as file:
            file["x"], file["y"] = x, y


def write_images(folder: Path, count: int) -> None:
    """Two folders of PNG files."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        beside = folder / ("dark" if number % 2 else "light")
        beside.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype="uint8")
        Image.fromarray(pixels).save(beside / f"{number:06d}.png")


def spec(kind: str) -> dict[str, Any]:
    """A small model for a kind of source."""
    training = {"optimizer": "Adam", "epochs": 1, "batch_size": 32}
    if kind == "images":
        layers: list[Any] = [
            {"Conv2D": {"filters": 8, "kernel_size": 3, "activation": "relu"}},
            {"MaxPooling2D": 2},
            "Flatten",
            {"Dense": {"units": 2, "activation": "softmax", "name": "kind"}},
        ]
        return {
            "seed": 1,
            "model": {"inputs": {"image": [SIDE, SIDE, 3]}, "layers": layers},
            "data": {
                "source": {"images": {"path": "train.images", "size": [SIDE, SIDE]}},
                "inputs": {"image": {"column": "image", "transform": [{"Rescaling": 1 / 255}]}},
                "targets": {"kind": {"column": "label", "transform": [CLASSES]}},
            },
            "training": {**training, "loss": "sparse_categorical_crossentropy"},
        }
    layers = [
        {"Dense": {"units": 32, "activation": "relu"}},
        {"Dense": {"units": 16, "activation": "relu"}},
        {"Dense": {"units": 1, "name": "y"}},
    ]
    whole = kind in ("npz", "hdf5")
    return {
        "seed": 1,
        "model": {"inputs": {"x": [len(COLUMNS)]}, "layers": layers},
        "data": {
            "source": {kind: f"train.{kind}"},
            "inputs": {"x": "x" if whole else {"columns": COLUMNS}},
            "targets": {"y": "y"},
        },
        "training": {**training, "loss": "mse", "metrics": ["mae"]},
    }


# By hand ------------------------------------------------------------------------------------------


def read(kind: str) -> tuple[Any, Any]:
    """The inputs and targets of the large source."""
    import numpy as np

    path = f"large.{kind}"
    if kind == "npz":
        with np.load(path) as data:
            return data["x"], data["y"]
    if kind == "hdf5":
        import h5py

        with h5py.File(path) as data:
            return data["x"][:], data["y"][:]
    import pandas as pd

    if kind == "csv":
        frame = pd.read_csv(path)
    elif kind == "parquet":
        frame = pd.read_parquet(path)
    else:
        frame = pd.read_json(path, lines=True)
    return frame[COLUMNS].to_numpy("float32"), frame[["y"]].to_numpy("float32")


def by_hand(kind: str, what: str) -> None:
    """Predict or evaluate without modelspec."""
    import keras
    import pandas as pd

    model = keras.models.load_model(f"run-{kind}/model.keras", compile=False)
    if kind == "images":
        data = keras.utils.image_dataset_from_directory(
            "large.images",
            image_size=(SIDE, SIDE),
            batch_size=BATCH,
            shuffle=False,
            label_mode=None,
            verbose=False,
        )
        shares = model.predict(data.map(lambda one: one / 255), verbose=0)
        pd.DataFrame({"kind": shares.argmax(-1), "a": shares[:, 0], "b": shares[:, 1]}).to_csv(
            "hand.csv", index=False
        )
        return
    x, y = read(kind)
    if what == "evaluate":
        model.compile(loss="mse", metrics=["mae"])
        model.evaluate(x, y, batch_size=BATCH, verbose=0)
        return
    found = pd.DataFrame({"y": model.predict(x, batch_size=BATCH, verbose=0)[:, 0]})
    if kind == "jsonl":
        found.to_json("hand.jsonl", orient="records", lines=True)
    else:
        found.to_csv("hand.csv", index=False)


# Measuring ----------------------------------------------------------------------------------------


def command(kind: str, what: str) -> list[str]:
    """The command line that does the same."""
    source = f"{kind}=large.{kind}"
    if kind == "images":
        source = f"images={{path: large.images, size: [{SIDE}, {SIDE}]}}"
    call = [sys.executable, "-m", "modelspec", what, f"run-{kind}", "--data", source]
    ending = "jsonl" if kind == "jsonl" else "csv"
    return [*call, "-o", f"out.{ending}"] if what == "predict" else call


def used(call: list[str], folder: str) -> tuple[float, float]:
    """Processor seconds and peak megabytes of a process."""
    program = (
        "import json, resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *call],
        cwd=folder,
        env=environment_for(Path(folder)),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def train(kind: str, folder: str) -> None:
    """A run of a small source of this kind."""
    file = Path(folder) / f"{kind}.json"
    file.write_text(json.dumps(spec(kind)), encoding="utf-8")
    call = [sys.executable, "-m", "modelspec", "train", file.name, "--run-dir", f"run-{kind}"]
    used(call, folder)


def compare(kind: str, what: str, rounds: int, folder: str) -> None:
    """Prints the line of a kind of source."""
    hand = [sys.executable, str(Path(__file__).resolve()), "--by-hand", kind, what]
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(used(command(kind, what), folder))
        theirs.append(used(hand, folder))
    (own, memory), (other, needed) = (
        [statistics.median(values) for values in zip(*found, strict=True)]
        for found in (ours, theirs)
    )
    print(
        f"{what:9} {kind:8} {own:7.1f} s {other:7.1f} s {own / other:7.2f}"
        f" {memory:8,.0f} MB {needed:8,.0f} MB",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--by-hand"]:
        by_hand(*sys.argv[2:4])
        return
    given = [int(one) for one in sys.argv[1:4]]
    rounds, rows, images = [*given, *DEFAULTS[len(given) :]]
    kinds = sys.argv[4].split(",") if sys.argv[4:] else (*TABLES, "images")
    print(f"{'':18} {'modelspec':>9} {'by hand':>9} {'ratio':>7} {'peak memory':>23}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in (one for one in TABLES if one in kinds):
            write_table(kind, Path(folder) / f"train.{kind}", TRAINED)
            write_table(kind, Path(folder) / f"large.{kind}", rows)
            train(kind, folder)
            for what in ("predict", "evaluate"):
                compare(kind, what, rounds, folder)
            (Path(folder) / f"large.{kind}").unlink()
        if "images" not in kinds:
            return
        write_images(Path(folder) / "train.images", 200)
        write_images(Path(folder) / "large.images", images)
        train("images", folder)
        compare("images", "predict", rounds, folder)


if __name__ == "__main__":
    main()
