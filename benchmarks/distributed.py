"""Two workers against one, and a model of the cost that predicts the ratio.

    python benchmarks/distributed.py [rounds] [--exchange]

Every worker has one core: the single one is bound to the first core, the two share the first two
and have one thread each. They train the same convolutional network with the same global batch over
whole epochs of 100 steps. Runs alternate, so that a slower machine affects all equally; a figure is
the best of the medians over epochs, without the first epoch, which compiles. Target: at least 1.5
times the throughput of one worker.

The model of the cost: a step of N workers takes the computation of a batch of B/N, the exchange of
the gradients, `2 (N-1)/N` times their bytes over the bandwidth, and a fixed time for the messages.
The computation is measured with one worker and batches of B/2; bandwidth and fixed time with
exchanges alone (`--exchange` prints only these).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES, BATCH, EPOCHS = 6400, 64, 3
LAYERS: list[Any] = [
    {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
    {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
    {"MaxPooling2D": 2},
    {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
    {"MaxPooling2D": 2},
    "Flatten",
    {"Dense": {"units": 64, "activation": "relu"}},
    {"Dense": {"units": 10, "activation": "softmax", "name": "kind"}},
]
WAYS = ("one worker", "one worker, half batches", "two workers")
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
"""Numbers of float32 values in an exchange."""


def spec(batch: int) -> dict[str, Any]:
    """The spec; with half batches it has half of the examples, so that its epochs have as many
    steps.
    """
    return {
        "seed": 1,
        "model": {"inputs": {"x": [32, 32, 3]}, "layers": LAYERS},
        "data": {
            "source": {"npz": f"data-{batch}.npz"},
            "inputs": {"x": "x"},
            "targets": {"kind": "y"},
        },
        "training": {
            "optimizer": {"Adam": 0.001},
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "epochs": EPOCHS,
            "batch_size": batch,
        },
    }


def prepare(folder: Path) -> None:
    """Writes the data and the specs."""
    import numpy as np

    rng = np.random.default_rng(0)
    for batch in (BATCH, BATCH // 2):
        count = EXAMPLES * batch // BATCH
        x = rng.normal(size=(count, 32, 32, 3)).astype("float32")
        np.savez(folder / f"data-{batch}.npz", x=x, y=rng.integers(0, 10, count))
        (folder / f"{batch}.json").write_text(json.dumps(spec(batch)))


def seconds(way: str, folder: Path, number: int) -> float:
    """Seconds of the median epoch without the first."""
    batch = BATCH // 2 if "half" in way else BATCH
    two = way == "two workers"
    run = folder / f"{way}-{number}".replace(" ", "-").replace(",", "")
    command = [sys.executable, "-P", "-m", "modelspec", "train", f"{batch}.json", "--quiet"]
    command += ["--run-dir", str(run), *(["--workers", "2"] if two else [])]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    cores = "0,1" if two else "0"
    subprocess.run(["taskset", "-c", cores, *command], cwd=folder, env=environment, check=True)
    lines = (run / "history.csv").read_text().splitlines()[2:]
    return statistics.median(float(line.rpartition(",")[2]) for line in lines)


# The exchange alone -------------------------------------------------------------------------------


def exchange(addresses: tuple[str, ...], index: int, results: Any) -> None:
    """Milliseconds of the median sum of each size, as one of two processes."""
    os.sched_setaffinity(0, {index % (os.cpu_count() or 1)})
    import numpy as np

    from modelspec.runtime.distributed.cluster import Cluster
    from modelspec.runtime.distributed.meeting import meet

    channel = meet(Cluster(addresses, index), {}, lambda facts, cluster: None)
    for size in SIZES:
        values, found = [np.ones(size, "float32")], []
        for _ in range(200 if size < SIZES[-1] else 20):
            began = perf_counter()
            channel.all_reduce(values)
            found.append(1e3 * (perf_counter() - began))
        if channel.index == 0:
            results.put((size, statistics.median(found)))
    channel.close()


def exchanges() -> dict[int, float]:
    """Milliseconds by the number of values."""
    from modelspec.runtime.distributed.local_workers import free_ports

    context = get_context("spawn")
    results = context.Queue()
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    others = [
        context.Process(target=exchange, args=(addresses, index, results)) for index in range(2)
    ]
    for one in others:
        one.start()
    found = dict(results.get() for _ in SIZES)
    for one in others:
        one.join()
    return found


def of_exchange(found: dict[int, float]) -> tuple[float, float]:
    """The fixed milliseconds of an exchange, and bytes per millisecond of two processes."""
    few, many = SIZES[0], SIZES[-2]
    rate = 4 * (many - few) / (found[many] - found[few])
    return found[few] - 4 * few / rate, rate


# The comparison -----------------------------------------------------------------------------------


def parameters(folder: Path) -> int:
    """The number of gradients."""
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "modelspec", "show", f"{BATCH}.json", "--format", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(json.loads(shown.stdout)["trainable_parameters"])


def compare(rounds: int, folder: Path) -> None:
    """Prints throughputs, their ratio, and what the model of the cost predicts."""
    prepare(folder)
    best = dict.fromkeys(WAYS, float("inf"))
    for number in range(rounds):
        for way in WAYS:
            best[way] = min(best[way], seconds(way, folder, number))
    steps = EXAMPLES // BATCH
    step = {way: 1e3 * value / steps for way, value in best.items()}
    print(f"epochs of {steps} steps, global batches of {BATCH}")
    for way in WAYS:
        batch = BATCH // 2 if "half" in way else BATCH
        print(f"  {way:26}{step[way]:8.1f} ms a step{1e3 * batch / step[way]:10,.0f} examples/s")
    print(f"  ratio of throughputs: {step[WAYS[0]] / step[WAYS[2]]:.2f}")
    count = parameters(folder)
    fixed, rate = of_exchange(exchanges())
    sent = 4 * count / rate
    expected = step[WAYS[1]] + sent + fixed
    print(
        f"model of the cost: {step[WAYS[1]]:.1f} ms of computation + {sent:.1f} ms for"
        f" {4 * count / 1e6:.2f} MB of gradients + {fixed:.2f} ms = {expected:.1f} ms a step,"
        f" a ratio of {step[WAYS[0]] / expected:.2f}"
    )


def show_exchanges() -> None:
    """Prints the exchange alone."""
    found = exchanges()
    for size, value in found.items():
        print(f"  {4 * size / 1e6:10.3f} MB{value:10.3f} ms")
    fixed, rate = of_exchange(found)
    print(f"  {fixed:.3f} ms + bytes / {rate / 1e6:.2f} GB/s")


def main() -> None:
    """Without arguments, two rounds."""
    if "--exchange" in sys.argv:
        show_exchanges()
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(int(sys.argv[1]) if sys.argv[1:] else 2, Path(folder))


if __name__ == "__main__":
    main()
