"""The cost of checkpoints, and the time until a killed run is back at its last step.

    python benchmarks/checkpoint.py [pairs]

Two models: one limited by computation (a convolutional network), one by the overhead of a step (a
small perceptron). Each is trained once; epochs with a checkpoint every 50 steps and epochs without
alternate, so that both are measured at about the same time. An epoch with checkpoints ends when its
last one is on disk. The result is the median over pairs of neighbouring epochs, of wall time and of
processor time, which depends less on other programs. Target: at most 3 % slower.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EVERY = 50
CASES: dict[str, dict[str, Any]] = {
    "computation": {
        "shape": [32, 32, 3],
        "steps": 2 * EVERY,
        "batch_size": 32,
        "layers": [
            {"Conv2D": {"filters": 24, "kernel_size": 3, "activation": "relu"}},
            {"BatchNormalization": {}},
            {"Conv2D": {"filters": 24, "kernel_size": 3, "activation": "relu"}},
            {"MaxPooling2D": 2},
            {"Conv2D": {"filters": 48, "kernel_size": 3, "activation": "relu"}},
            {"Dropout": 0.2},
            "Flatten",
            {"Dense": {"units": 10, "activation": "softmax", "name": "kind"}},
        ],
    },
    "overhead": {
        "shape": [20],
        "steps": 40 * EVERY,
        "batch_size": 32,
        "layers": [
            {"Dense": {"units": 32, "activation": "relu"}},
            {"Dropout": 0.1},
            {"Dense": {"units": 32, "activation": "relu"}},
            {"Dense": {"units": 10, "activation": "softmax", "name": "kind"}},
        ],
    },
}
RESUMED_AT = 500
"""Steps of the first case after which a run is killed, and gone on with."""


def spec(case: dict[str, Any], epochs: int) -> dict[str, Any]:
    """The case as a spec."""
    return {
        "seed": 1,
        "model": {"inputs": {"x": case["shape"]}, "layers": case["layers"]},
        "data": {"source": {"npz": "data.npz"}, "inputs": {"x": "x"}, "targets": {"kind": "y"}},
        "training": {
            "optimizer": "Adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "epochs": epochs,
            "batch_size": case["batch_size"],
            "checkpoint": {"every": f"{EVERY} steps"},
        },
    }


def write_data(case: dict[str, Any]) -> None:
    import numpy as np

    rng, count = np.random.default_rng(0), case["steps"] * case["batch_size"]
    np.savez(
        "data.npz",
        x=rng.normal(size=(count, *case["shape"])).astype("float32"),
        y=rng.integers(0, 10, count),
    )


# With checkpoints and without, in turn ------------------------------------------------------------


class Clock:
    """Seconds of every call of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds: list[float] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        began = perf_counter()
        try:
            return self.function(*arguments, **named)
        finally:
            self.seconds.append(perf_counter() - began)


def measured(name: str, pairs: int) -> dict[str, Any]:
    """Seconds of every epoch with checkpoints and of its neighbour without, and of the parts of
    a checkpoint.
    """
    import modelspec as ms
    from modelspec.runtime.backend.process_state import own_state
    from modelspec.runtime.run.checkpoints import Store
    from modelspec.runtime.run.run_data import prepared_data
    from modelspec.runtime.run.saver import Saver
    from modelspec.runtime.run.train import make_loop

    case = CASES[name]
    write_data(case)
    compiled = ms.load_spec(spec(case, 2 * pairs + 4)).compiled
    training = compiled.training
    assert training is not None
    with own_state():
        loop = make_loop(prepared_data(compiled), training)
        store = Store(Path("checkpoints"))
        write = store.write = Clock(store.write)  # type: ignore[method-assign]
        saver = Saver(store, training.checkpoint.every, case["steps"])
        fitting, turns = alternating(loop, saver)
        capture = fitting.capture = Clock(fitting.capture)
        fitting.run()
        saver.close()
    return {
        "with": turns.seconds[True][2:],
        "without": turns.seconds[False][2:],
        "capture": capture.seconds,
        "write": write.seconds,
        "steps": case["steps"],
    }


def alternating(loop: Any, saver: Any) -> tuple[Any, Any]:
    """The training of a loop, with the saver in every other epoch only."""
    import keras

    from modelspec.runtime.run.epoch_callbacks import History
    from modelspec.runtime.run.events import Watcher
    from modelspec.runtime.run.saver import _FREE
    from modelspec.runtime.run.trained_stages import Origin
    from modelspec.runtime.run.training_loop import Fitting

    class Turns(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seconds: dict[bool, list[tuple[float, float]]] = {True: [], False: []}

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            fitting.saver = (
                saver if epoch // 2 % 2 == epoch % 2 else None
            )  # with, without; without, with
            self.began, self.worked = perf_counter(), process_time()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if fitting.saver is not None:
                saver.settle()
            self.seconds[fitting.saver is not None].append(
                (perf_counter() - self.began, process_time() - self.worked)
            )
            if (
                fitting.saver is None
            ):  # the time budget grows with the training, which has just begun
                saver._began += perf_counter() - self.began
                saver._taken += perf_counter() - self.began

    saver._waited = (
        _FREE  # no pause for a cheap checkpoint: the state of a long training is measured
    )
    turns, stage = Turns(), loop.stages[0]
    loop.enter(stage, continues=False, loads=True)
    fitting = Fitting(
        loop.model,
        loop.task(stage, Origin()),
        history=History(None, Watcher(), loop.plan(None).examples["train"]),
        own=[turns],
        saver=saver,
    )
    return fitting, turns


def tell_of(name: str, found: dict[str, Any]) -> None:
    def median(key: str) -> float:
        return statistics.median(found[key])

    ratios, work = (
        [
            one[kind] / other[kind] - 1
            for one, other in zip(found["with"], found["without"], strict=True)
        ]
        for kind in (0, 1)
    )
    low, middle, high = statistics.quantiles(ratios, n=4)
    step = statistics.median(seconds for seconds, _ in found["without"]) / found["steps"]
    print(
        f"bound by {name}: {1e3 * step:.2f} ms a step, {len(ratios)} pairs of epochs of"
        f" {found['steps']} steps"
    )
    print(
        f"  a checkpoint every {EVERY} steps: {middle:+.1%} time (half of the pairs from {low:+.1%}"
        f" to {high:+.1%}), {statistics.median(work):+.1%} processor time"
    )
    written, due = len(found["write"]), found["steps"] // EVERY * (len(ratios) + 2)
    print(
        f"  the loop waits {1e3 * median('capture'):.2f} ms for each, the background works "
        f"{1e3 * median('write'):.2f} ms; {written} were written of {due} that fell due"
    )


# Resuming -----------------------------------------------------------------------------------------


def first_step(way: str) -> None:
    """Train, or resume, until the step after `RESUMED_AT` is done; `make` writes a run that ended
    there.
    """
    import modelspec as ms
    from modelspec.runtime.run import Watcher, resume, train

    case = CASES["computation"]
    target = RESUMED_AT + (1 if way != "make" else 0)

    class Reached(BaseException):
        pass

    class Until(Watcher):
        wants_steps = True

        def step(self, epoch: int, step: int, logs: Any) -> None:
            if (epoch - 1) * case["steps"] + step >= target:
                raise Reached

    try:
        if way == "resume":
            resume("run", watcher=Until())
        else:
            train(
                ms.load_spec(spec(case, 100)),
                Path("run" if way == "make" else "fresh"),
                watcher=Until(),
            )
    except Reached:
        return


def child(*arguments: str, folder: str) -> Any:
    """Run this program in a new process: its result, and the seconds from its start to its
    end.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--child", *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), perf_counter() - began


def tell_of_resuming() -> None:
    with tempfile.TemporaryDirectory() as folder:
        child("first step", "make", folder=folder)
        resumed, fresh = (child("first step", way, folder=folder)[1] for way in ("resume", "train"))
    print(
        f"to the first step after {RESUMED_AT:,} (model bound by computation), loading TensorFlow"
        " included:"
    )
    print(
        f"  resumed {resumed:.1f} s, begun again {fresh:.1f} s: {fresh / resumed:.1f} times as long"
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        what, name, *more = sys.argv[2:]
        if what == "first step":
            write_data(CASES["computation"])
            first_step(name)
            print("{}")
        else:
            print(json.dumps(measured(name, int(more[0]))))
        return
    pairs = sys.argv[1] if sys.argv[1:] else "24"
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            tell_of(name, child("measure", name, pairs, folder=folder)[0])
    tell_of_resuming()


if __name__ == "__main__":
    main()
