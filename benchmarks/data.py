"""The data pipeline, compared with hand-written code with pandas, NumPy, h5py and tf.data.

    python benchmarks/data.py [--rows 100000] [--images 1000] [--rounds 2] [--gigabytes 4] [--only
    csv,npz,...]

For each format, hand-written and by modelspec, in alternating processes (the best of each counts):
the seconds from an unopened file to the end of the first epoch, and rows per second in the epochs
after it, into the same compiled training step of a small model. Target: never slower than
hand-written code, which reads a table at once, shuffles it in memory, and checks nothing.

Then: the share of the data in a step of a small model (target: at most a tenth); the peak memory of
an epoch over a source of so many gigabytes (target: below 1 GB); and the seconds from an unopened
source to the first step, in the first run and in a second one, which uses the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FORMATS = ("csv", "parquet", "npz", "hdf5", "images", "photos")
WIDTH, BATCH, EPOCHS, SIDE, LARGE = 20, 128, 3, 64, 256
ROUNDS = 20
"""In which steps with their data and without take turns, so that what else the machine does hits
both.
"""
PICTURES = ("images", "photos")
"""JPEG files of the size that the model takes, and of a larger one."""
SOURCES = {
    "csv": {"csv": "t.csv"},
    "parquet": {"parquet": "t.parquet"},
    "npz": {"npz": "t.npz"},
    "hdf5": {"hdf5": "t.h5"},
    "images": {"images": {"path": "images"}},
    "photos": {"images": {"path": "photos", "size": [SIDE, SIDE]}},
}


# Files --------------------------------------------------------------------------------------------


def write_files(rows: int, images: int) -> None:
    import h5py
    import numpy as np
    import pandas as pd
    from PIL import Image

    random = np.random.default_rng(0)
    x = random.normal(size=(rows, WIDTH)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    table = pd.DataFrame(x, columns=[f"c{i}" for i in range(WIDTH)])
    table["y"] = y
    table.to_csv("t.csv", index=False)
    table.to_parquet("t.parquet")
    np.savez("t.npz", x=x, y=y)
    with h5py.File("t.h5", "w") as file:
        file["x"], file["y"] = x, y
    for form, side in zip(PICTURES, (SIDE, LARGE), strict=True):
        for index in range(images):
            folder = Path(form, "ab"[index % 2])
            folder.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
            coarse.resize((side, side)).save(folder / f"{index:05}.jpg", quality=90)


# By hand ------------------------------------------------------------------------------------------


def by_hand(form: str) -> Any:
    """Batches of one epoch; can be iterated repeatedly."""
    import tensorflow as tf

    if form in PICTURES:
        import keras

        found = keras.utils.image_dataset_from_directory(
            form, image_size=(SIDE, SIDE), batch_size=None, shuffle=False, verbose=False
        )
        count = len(list(Path(form).rglob("*.jpg")))
        return found.cache().shuffle(count).batch(BATCH).prefetch(tf.data.AUTOTUNE)
    x, y = READERS[form]()
    return (
        tf.data.Dataset.from_tensor_slices((x, y))
        .shuffle(len(x))
        .batch(BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )


def _frame(frame: Any) -> tuple[Any, Any]:
    return frame.drop(columns="y").to_numpy("float32"), frame["y"].to_numpy()


def _csv() -> tuple[Any, Any]:
    import pandas as pd

    return _frame(pd.read_csv("t.csv"))


def _parquet() -> tuple[Any, Any]:
    import pandas as pd

    return _frame(pd.read_parquet("t.parquet"))


def _npz() -> tuple[Any, Any]:
    import numpy as np

    with np.load("t.npz") as found:
        return found["x"], found["y"]


def _hdf5() -> tuple[Any, Any]:
    import h5py

    with h5py.File("t.h5") as file:
        return file["x"][:], file["y"][:]


READERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "npz": _npz,
    "hdf5": _hdf5,
}

# By modelspec -------------------------------------------------------------------------------------


def spec(source: Any, form: str, **data: Any) -> dict[str, Any]:
    if form in PICTURES:
        features = {
            "inputs": {"x": {"column": "image"}},
            "targets": {
                "y": {
                    "column": "label",
                    "transform": [
                        {"StringLookup": {"vocabulary": ["a", "b"], "num_oov_indices": 0}}
                    ],
                }
            },
        }
        shape: list[int] = [SIDE, SIDE, 3]
    else:
        columns = [f"c{i}" for i in range(WIDTH)]
        table = form in ("csv", "parquet")
        features = {
            "inputs": {"x": {"columns": columns} if table else {"column": "x"}},
            "targets": {"y": {"column": "y"}},
        }
        shape = [WIDTH]
    return {
        "model": {
            "inputs": {"x": shape},
            "layers": [
                *(["GlobalAveragePooling2D"] if form in PICTURES else []),
                {"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}},
            ],
        },
        "data": {"source": source, **features, **data},
        "training": {"loss": "binary_crossentropy", "batch_size": BATCH},
    }


def compiled(source: Any, form: str, **data: Any) -> Any:
    """The checked spec, before its data are opened: the hand-written code has a model by then too."""
    from modelspec.compiler.pipeline import compile_spec

    checked = compile_spec(spec(source, form, **data))
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def by_modelspec(compiled: Any) -> Iterator[Any]:
    """Batches of all epochs."""
    from modelspec.runtime.data import prepare
    from modelspec.runtime.data.batches import Feed

    part = prepare(compiled).parts["train"]
    return iter(Feed(part.examples).training(part.positions, 1, BATCH, EPOCHS))


# The step -----------------------------------------------------------------------------------------


def make_step(form: str, hidden: int = 0) -> Callable[[Any, Any], Any]:
    import keras
    import tensorflow as tf

    layers: list[Any] = [keras.layers.GlobalAveragePooling2D()] if form in PICTURES else []
    layers += [keras.layers.Dense(hidden, activation="relu") for _ in range(3 if hidden else 0)]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    model.build((None, SIDE, SIDE, 3) if form in PICTURES else (None, WIDTH))
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            target = tf.reshape(tf.cast(y, tf.float32), (-1, 1))
            output = model(tf.cast(x, tf.float32), training=True)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(target, output))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return step


def measure(way: str, form: str, count: int) -> dict[str, float]:
    """Seconds to the end of the first epoch, and rows per second after it."""
    step = make_step(form)
    warm(step, form)
    checked = compiled(SOURCES[form], form, cache="memory")
    begin = perf_counter()
    steps = -(-count // BATCH)
    if way == "by hand":
        batches = by_hand(form)
        epochs: Iterator[Iterator[Any]] = (iter(batches) for _ in range(EPOCHS))
    else:
        stream = by_modelspec(checked)
        epochs = ((next(stream) for _ in range(steps)) for _ in range(EPOCHS))
    loss, first = None, 0.0
    for number, epoch in enumerate(epochs):
        for batch in epoch:
            loss = step(first_of(batch[0]), first_of(batch[1]))
        assert loss is not None
        float(loss)
        if not number:
            first = perf_counter() - begin
            begin = perf_counter()
    return {"first": first, "after": count * (EPOCHS - 1) / (perf_counter() - begin)}


def first_of(value: Any) -> Any:
    return next(iter(value.values())) if isinstance(value, dict) else value


def warm(step: Callable[[Any, Any], Any], form: str) -> None:
    """Compile the step, and do the imports."""
    import numpy as np
    import tensorflow as tf

    import modelspec.runtime.data  # noqa: F401

    shape = (SIDE, SIDE, 3) if form in PICTURES else (WIDTH,)
    for dtype in (np.int32, np.float32):
        for size in (BATCH, BATCH - 1):
            step(tf.zeros((size, *shape)), np.zeros(size, dtype))
    for _ in tf.data.Dataset.range(4).shuffle(4).batch(2).prefetch(1):
        pass
    if form in ("csv", "parquet"):
        import pandas as pd
        import pyarrow.csv
        import pyarrow.parquet  # noqa: F401

        pd.DataFrame({"a": [1]}).to_numpy()


def share(count: int) -> dict[str, float]:
    """The share of the data in a small model's step, compared with steps on one batch in memory.
    Each step fetches its batch, as in Keras's `fit`.
    """
    import tensorflow as tf

    step = make_step("npz", hidden=256)
    stream = by_modelspec(compiled(SOURCES["npz"], "npz", cache="memory"))

    @tf.function
    def fed_step(batches: Any) -> Any:
        batch = next(batches)
        return step(first_of(batch[0]), first_of(batch[1]))

    fed_step(stream)
    inputs, targets = (first_of(one) for one in next(stream)[:2])
    steps = min(-(-count // BATCH) * EPOCHS - 3, 1500)
    with_data, without = [], []
    for _ in range(ROUNDS):
        for times, fed in ((with_data, True), (without, False)):
            begin = perf_counter()
            for _ in range(steps // ROUNDS):
                loss = fed_step(stream) if fed else step(inputs, targets)
            float(loss)
            times.append((perf_counter() - begin) / (steps // ROUNDS))
    return {"step": min(with_data), "without": min(without)}


# More than memory ---------------------------------------------------------------------------------


def write_large(gigabytes: float) -> int:
    """Write arrays of so many gigabytes, in pieces."""
    import numpy as np

    wide = 256
    rows = int(gigabytes * 1e9 / 4 / wide)
    random = np.random.default_rng(0)
    piece = random.normal(size=(8192, wide)).astype(np.float32)
    x = np.lib.format.open_memmap("x.npy", mode="w+", dtype=np.float32, shape=(rows, wide))
    for start in range(0, rows, len(piece)):
        x[start : start + len(piece)] = piece[: rows - start]
        if start % (len(piece) * 32) == 0:
            x.flush()
    del x
    np.save("y.npy", random.integers(0, 2, rows))
    return rows


def large(steps: int) -> dict[str, float]:
    """The peak memory while a source is prepared and all its batches are read; seconds to
    the first step.
    """
    global WIDTH
    WIDTH = 256
    step = make_step("npy")
    checked = compiled({"npy": {"x": "x.npy", "y": "y.npy"}}, "npy")
    begin = perf_counter()
    stream = by_modelspec(checked)
    batch = next(stream)
    float(step(first_of(batch[0]), first_of(batch[1])))
    first = perf_counter() - begin
    begin = perf_counter()
    for _ in range(steps):
        batch = next(stream)
        loss = step(first_of(batch[0]), first_of(batch[1]))
    float(loss)
    return {
        "first": first,
        "rows": steps * BATCH / (perf_counter() - begin),
        "peak": peak_of_memory(),
    }


def peak_of_memory() -> int:
    """In bytes, of this process alone: `getrusage` would include a higher peak of the parent
    process.
    """
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise OSError("no peak of memory in /proc/self/status")


# Processes ----------------------------------------------------------------------------------------


def child(*arguments: Any) -> dict[str, float]:
    """The measurement of a new process."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--child", json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_BACKEND": "tensorflow",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONPATH": str(ROOT),
            "MODELSPEC_CACHE": str(Path("cache").resolve()),
        },
    )
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(forms: list[str], rows: int, images: int, rounds: int) -> None:
    print(f"{'':8}  {'first epoch, s':>23}  {'':>6}  {'rows/s after it':>23}")
    print(
        f"{'':8}  {'by hand':>10}  {'modelspec':>11}  {'ratio':>6}  {'by hand':>10} "
        f" {'modelspec':>11}  {'ratio':>6}"
    )
    for form in forms:
        count = images if form in PICTURES else rows
        found: dict[str, list[dict[str, float]]] = {"by hand": [], "modelspec": []}
        for _ in range(rounds):
            for way, times in found.items():
                times.append(child("measure", way, form, count))
        hand, ours = (
            {
                "first": min(one["first"] for one in times),
                "after": max(one["after"] for one in times),
            }
            for times in found.values()
        )
        print(
            f"{form:8}  {hand['first']:>10.2f}  {ours['first']:>11.2f} "
            f" {hand['first'] / ours['first']:>6.2f}  {hand['after']:>10,.0f} "
            f" {ours['after']:>11,.0f}  {ours['after'] / hand['after']:>6.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--only", default=",".join((*FORMATS, "share", "large")))
    parser.add_argument("--child")
    given = parser.parse_args()
    if given.child:
        name, *arguments = json.loads(given.child)
        print(json.dumps({"measure": measure, "share": share, "large": large}[name](*arguments)))
        return
    only = given.only.split(",")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        os.chdir(folder)
        write_files(given.rows, given.images)
        compare([form for form in FORMATS if form in only], given.rows, given.images, given.rounds)
        if "share" in only:
            found = child("share", given.rows)
            taken = max(0.0, 1 - found["without"] / found["step"])
            print(
                f"a small model's step takes {found['step'] * 1e3:.2f} ms,"
                f" {found['without'] * 1e3:.2f} ms without its data: {taken:.0%} of it"
            )
        if "large" in only:
            rows = write_large(given.gigabytes)
            for run in ("first", "second"):
                found = child("large", min(2_000, rows // BATCH - 1))
                print(
                    f"{given.gigabytes:g} GB, {run} run: {found['first']:.2f} s to the first step,"
                    f" then {found['rows']:,.0f} rows/s, peak of memory"
                    f" {found['peak'] / 1e6:,.0f} MB"
                )
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
