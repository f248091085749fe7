"""Whole processes: `modelspec train` beside a tuned Keras program, on seven jobs.

    python benchmarks/jobs.py [rounds [folder with real data [jobs, ...]]]

Both train the same layers with the same optimizer, batch size, epochs and parts, are deterministic
on two threads at most, save after each epoch and at the end, and evaluate the test part. The
program by hand is `jobs_by_hand.py`. They alternate; printed are the medians of the processor
seconds (user and system), of the seconds, and of the peak memory, the ratio of processor seconds,
and the accuracy (for diamonds the mean absolute error) of both. The last line is the geometric mean
of the ratios. Targets: a mean of at most 1.0, no job above 1.1.

The folder may contain `diamonds.csv`, `sms-spam.tsv` and the MNIST files
`mnist-t10k-images-idx3-ubyte.gz` and `mnist-t10k-labels-idx1-ubyte.gz`; without them the same
shapes are filled with random numbers and words. The digits are those of scikit-learn.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from check import environment_for

HAND = Path(__file__).resolve().with_name("jobs_by_hand.py")
CLASSES = "sparse_categorical_crossentropy"
JOBS: dict[str, dict[str, Any]] = {
    "digits": {"epochs": 15, "batch_size": 64, "loss": CLASSES, "metric": "accuracy"},
    "mnist": {"epochs": 4, "batch_size": 64, "loss": CLASSES, "metric": "accuracy"},
    "mlp": {"epochs": 10, "batch_size": 64, "loss": CLASSES, "metric": "accuracy"},
    "diamonds": {"epochs": 8, "batch_size": 64, "loss": "mse", "metric": "mae"},
    "sms": {"epochs": 10, "batch_size": 32, "loss": "binary_crossentropy", "metric": "accuracy"},
    "lstm": {"epochs": 5, "batch_size": 64, "loss": CLASSES, "metric": "accuracy"},
    "pngs": {"epochs": 5, "batch_size": 32, "loss": CLASSES, "metric": "accuracy"},
}
"""The settings that both programs share."""
CUTS = {
    "cut": ["Fair", "Good", "Very Good", "Premium", "Ideal"],
    "color": list("DEFGHIJ"),
    "clarity": ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"],
}
SIZES = ["carat", "depth", "table", "x", "y", "z"]

# Data ---------------------------------------------------------------------------------------------


def write_arrays(folder: Path, data: Path) -> None:
    """The jobs that read arrays."""
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(0)
    digits = load_digits()
    pictures = (digits.images[..., None] / 16).astype("float32")
    np.savez(folder / "digits.npz", x=pictures, y=digits.target)
    x, y = mnist(data, rng)
    np.savez(folder / "mnist.npz", x=x, y=y)
    for name, shape in (("mlp", (50_000, 20)), ("lstm", (10_000, 30, 8))):
        x = rng.normal(size=shape).astype("float32")
        sums = x.reshape(len(x), -1)[:, -20:] @ rng.normal(size=(20, 10))
        np.savez(folder / f"{name}.npz", x=x, y=sums.argmax(1))


def mnist(data: Path, rng: Any) -> tuple[Any, Any]:
    """10,000 pictures of 28x28 from 0 to 1, and their labels."""
    names = ("mnist-t10k-images-idx3-ubyte.gz", "mnist-t10k-labels-idx1-ubyte.gz")
    if not all((data / name).exists() for name in names):
        x = rng.random((10_000, 28, 28, 1)).astype("float32")
        return x, (x.mean((1, 2, 3)) * 1e4).astype("int64") % 10
    pictures, labels = (gzip.decompress((data / name).read_bytes()) for name in names)
    x = np.frombuffer(pictures, "uint8", offset=16).reshape(-1, 28, 28, 1)
    return (x / 255).astype("float32"), np.frombuffer(labels, "uint8", offset=8).astype("int64")


def write_diamonds(folder: Path, data: Path) -> None:
    if (data / "diamonds.csv").exists():
        (folder / "diamonds.csv").write_bytes((data / "diamonds.csv").read_bytes())
        return
    rng = np.random.default_rng(0)
    sizes = rng.random((53_940, len(SIZES))).round(2)
    words = [rng.choice(values, len(sizes)) for values in CUTS.values()]
    price = (sizes.sum(1) * 2000).astype(int)
    with (folder / "diamonds.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([*SIZES, *CUTS, "price"])
        out.writerows(zip(*sizes.T, *words, price, strict=True))


def write_messages(folder: Path, data: Path) -> None:
    rng = np.random.default_rng(0)
    found = data / "sms-spam.tsv"
    if found.exists():
        lines = found.read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t")[:2] for line in lines if "\t" in line]
    else:
        words = np.array([f"word{number}" for number in range(5_000)])
        rows = []
        for _ in range(5_574):
            spam = rng.random() < 0.13
            chosen = words[rng.integers(2_000 * spam, 5_000, rng.integers(5, 30))]
            rows.append(["spam" if spam else "ham", " ".join(chosen)])
    with (folder / "sms.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["label", "message"])
        out.writerows([label, words.strip('"')] for label, words in rows)


def write_images(folder: Path) -> None:
    """2,000 PNG files in two folders, one for each class: soft spots on a darker or lighter ground.

    Turned and mirrored images must look like the others, or augmented training learns nothing about
    the test images: an interpolated rotation of independent pixels has less contrast.
    """
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(2_000):
        kind = number % 2
        beside = folder / "pngs" / ("dark", "light")[kind]
        beside.mkdir(parents=True, exist_ok=True)
        spots = rng.integers(0, 200, (6, 6, 3)) + 25 * kind
        image = Image.fromarray(spots.astype("uint8")).resize((64, 64), Image.Resampling.BICUBIC)
        image.save(beside / f"{number:05d}.png")


# Specs --------------------------------------------------------------------------------------------

CONVOLUTIONS: list[Any] = [
    {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
    {"MaxPooling2D": 2},
    {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
    {"MaxPooling2D": 2},
    {"Dropout": 0.25},
    "Flatten",
]
SMALL: list[Any] = [{"Dense": {"units": 64, "activation": "relu"}}] * 2
LAYERS: dict[str, list[Any]] = {
    "digits": [CONVOLUTIONS[0], "Flatten", {"Dropout": 0.25}],
    "mnist": CONVOLUTIONS,
    "mlp": [*SMALL, {"Dropout": 0.1}],
    "diamonds": SMALL,
    "sms": [{"Embedding": {"input_dim": 3000, "output_dim": 16}}, "GlobalAveragePooling1D"],
    "lstm": [{"LSTM": 32}],
    "pngs": CONVOLUTIONS,
}
SHAPES = {"digits": [8, 8, 1], "mnist": [28, 28, 1], "mlp": [20], "lstm": [30, 8]}


def data_of(job: str) -> tuple[dict[str, Any], dict[str, Any], list[Any], dict[str, Any]]:
    """The inputs of the model, the `data` section without its split, the first layers, and the
    settings of the last one.
    """
    classes = {"units": 10, "activation": "softmax"}
    if job == "diamonds":
        words = {
            name: {"column": name, "transform": [{"StringLookup": {"output_mode": "one_hot"}}]}
            for name in CUTS
        }
        inputs = {"numbers": {"columns": SIZES, "transform": ["Normalization"]}, **words}
        shapes = {"numbers": [6], **{name: ["auto"] for name in CUTS}}
        source = {"csv": "diamonds.csv"}
        scaled = {"column": "price", "transform": [{"Rescaling": 0.001}]}
        data = {"source": source, "inputs": inputs, "targets": {"out": scaled}}
        joined = {"Concatenate": {"from": list(shapes), "name": "all"}}
        return shapes, data, [joined], {"units": 1}
    if job == "sms":
        words = [{"TextVectorization": {"max_tokens": 3000, "output_sequence_length": 40}}]
        labels = [{"StringLookup": {"num_oov_indices": 0}}]
        data = {
            "source": {"csv": "sms.csv"},
            "inputs": {"x": {"column": "message", "transform": words}},
            "targets": {"out": {"column": "label", "transform": labels}},
        }
        shapes = {"x": {"shape": [40], "dtype": "int32"}}
        return shapes, data, [], {"units": 1, "activation": "sigmoid"}
    if job == "pngs":
        labels = [{"StringLookup": {"num_oov_indices": 0}}]
        data = {
            "source": {"images": {"path": "pngs", "size": [64, 64]}},
            "inputs": {"x": {"column": "image", "transform": [{"Rescaling": 1 / 255}]}},
            "targets": {"out": {"column": "label", "transform": labels}},
            "augment": {"layers": [{"RandomFlip": "horizontal"}, {"RandomRotation": 0.1}]},
        }
        return {"x": [64, 64, 3]}, data, [], {"units": 2, "activation": "softmax"}
    source = {"npz": f"{job}.npz"}
    data = {"source": source, "inputs": {"x": "x"}, "targets": {"out": "y"}}
    return {"x": SHAPES[job]}, data, [], classes


def spec(job: str) -> dict[str, Any]:
    """The spec of a job."""
    chosen = JOBS[job]
    inputs, data, first, last = data_of(job)
    return {
        "seed": 1,
        "model": {
            "inputs": inputs,
            "layers": [*first, *LAYERS[job], {"Dense": {**last, "name": "out"}}],
        },
        "data": {**data, "split": {"test": 0.2}},
        "training": {
            "optimizer": "Adam",
            "loss": chosen["loss"],
            "metrics": [chosen["metric"]],
            "epochs": chosen["epochs"],
            "batch_size": chosen["batch_size"],
        },
    }


# Measuring ----------------------------------------------------------------------------------------

MEASURE = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True)
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
found = [used.ru_utime + used.ru_stime, seconds, used.ru_maxrss / 1e3]
print(json.dumps([found, done.stdout.splitlines()[-1:]]))
"""


def measured(call: list[str], folder: str) -> tuple[list[float], list[str]]:
    """Processor seconds, seconds and peak megabytes of a new process, and its last line."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *call],
        cwd=folder,
        env=environment_for(Path(folder)),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    numbers, last = json.loads(done.stdout.splitlines()[-1])
    return numbers, last


def compare(job: str, rounds: int, folder: str) -> float:
    """Prints the line of a job; returns the ratio of processor seconds."""
    chosen, ours, theirs, scores = JOBS[job], [], [], (0.0, 0.0)
    file = Path(folder) / f"{job}.json"
    file.write_text(json.dumps(spec(job)), encoding="utf-8")
    for number in range(rounds):
        run = f"run-{job}-{number}"
        own = [sys.executable, "-m", "modelspec", "train", file.name, "--run-dir", run]
        ours.append(measured(own, folder)[0])
        used, last = measured([sys.executable, str(HAND), job, json.dumps(chosen)], folder)
        theirs.append(used)
        metrics = json.loads((Path(folder) / run / "metrics.json").read_text())
        scores = (metrics["test"][chosen["metric"]], float(last[0]))
    own_, hand = (
        [statistics.median(one) for one in zip(*found, strict=True)] for found in (ours, theirs)
    )
    ratio = own_[0] / hand[0]
    print(
        f"{job:9} {own_[0]:7.1f} {hand[0]:7.1f} {ratio:6.2f} {own_[1]:8.1f} {hand[1]:7.1f}"
        f" {own_[2]:8,.0f} {hand[2]:6,.0f} {scores[0]:9.4f} {scores[1]:.4f}",
        flush=True,
    )
    return ratio


def main() -> None:
    rounds = int(sys.argv[1]) if sys.argv[1:] else 3
    data = Path(sys.argv[2]).resolve() if sys.argv[2:] else Path("none")
    print(f"{'':9} {'processor seconds':>22} {'seconds':>16} {'MB':>15} {'score':>13}")
    print(f"{'':9} {'own':>7} {'hand':>7} {'ratio':>6} {'own':>8} {'hand':>7}")
    with tempfile.TemporaryDirectory() as folder:
        write_arrays(Path(folder), data)
        write_diamonds(Path(folder), data)
        write_messages(Path(folder), data)
        write_images(Path(folder))
        ratios = [compare(job, rounds, folder) for job in sys.argv[3:] or JOBS]
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    print(f"geometric mean of the ratios: {mean:.2f}, largest {max(ratios):.2f}")


if __name__ == "__main__":
    main()
