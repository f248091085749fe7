"""Training throughput compared with a hand-written `model.fit`, and the cost of determinism.

    python benchmarks/training.py [rounds]
    python benchmarks/training.py --xla [seconds [case,...]]

Two models: one limited by computation (a convolutional network), one by the overhead of a step (a
small perceptron). The hand-written program has the same layers in Keras, arrays, `fit`, no
determinism. Every figure is the best of several alternating processes, so that a slower machine
affects all of them equally; within a process it is the median epoch without the first, which
compiles. Target: at least 1.0 times the throughput of `fit` on the first, at least 1.3 times on the
second.

With `--xla`: what `jit: auto` chooses and gains in trainings of about so many seconds (120), of
these models and of one with many element by element operations; and how long XLA compiles each
operation of a step. Target: at most 1.05 times the time without XLA.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CASES: dict[str, dict[str, Any]] = {
    "computation": {
        "shape": [32, 32, 3],
        "examples": 1024,
        "epochs": 5,
        "batch_size": 64,
        "layers": [
            {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
            {"BatchNormalization": {}},
            {"Conv2D": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
            {"MaxPooling2D": 2},
            {"Conv2D": {"filters": 64, "kernel_size": 3, "activation": "relu"}},
            {"Dropout": 0.2},
            "Flatten",
            {"Dense": {"units": 10, "activation": "softmax", "name": "kind"}},
        ],
    },
    "overhead": {
        "shape": [20],
        "examples": 32_000,
        "epochs": 6,
        "batch_size": 32,
        "layers": [
            {"Dense": {"units": 32, "activation": "relu"}},
            {"Dropout": 0.1},
            {"Dense": {"units": 32, "activation": "relu"}},
            {"Dense": {"units": 10, "activation": "softmax", "name": "kind"}},
        ],
    },
}
ELEMENTWISE: dict[str, Any] = {
    "shape": [2000],
    "examples": 3200,
    "epochs": 3,
    "batch_size": 100,
    "layers": [
        {"Dense": {"units": 512}},
        *[one for _ in range(4) for one in ("LayerNormalization", {"Activation": "gelu"})],
        {"Dense": {"units": 10, "activation": "softmax", "name": "kind"}},
    ],
}
WAYS = ("fit", "fit, deterministic", "modelspec, not deterministic", "modelspec")


def spec(case: dict[str, Any], deterministic: bool) -> dict[str, Any]:
    """The case as a spec."""
    return {
        "seed": 1,
        "model": {"inputs": {"x": case["shape"]}, "layers": case["layers"]},
        "data": {"source": {"npz": "data.npz"}, "inputs": {"x": "x"}, "targets": {"kind": "y"}},
        "training": {
            "optimizer": {"Adam": 0.001},
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "epochs": case["epochs"],
            "batch_size": case["batch_size"],
        },
        "runtime": {"deterministic": deterministic},
    }


def write_data(case: dict[str, Any]) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(case["examples"], *case["shape"])).astype("float32")
    np.savez("data.npz", x=x, y=rng.integers(0, 10, case["examples"]))


def measured(name: str, way: str) -> float:
    """Seconds of the median epoch."""
    import modelspec as ms

    case, deterministic = CASES[name], way in ("fit, deterministic", "modelspec")
    write_data(case)
    checked = ms.load_spec(spec(case, deterministic))
    if way.startswith("modelspec"):
        run = checked.train("run")
        lines = (run.directory / "history.csv").read_text().splitlines()[2:]
        return statistics.median(float(line.rpartition(",")[2]) for line in lines)
    return fitted(checked, case, deterministic)


def fitted(checked: Any, case: dict[str, Any], deterministic: bool) -> float:
    """`model.fit` on arrays, of the model that the spec builds."""
    import keras
    import numpy as np
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    with np.load("data.npz") as data:
        x, y = data["x"], data["y"]
    seconds: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seconds.append(perf_counter() - self.began)

    checked.build().fit(
        x, y, batch_size=case["batch_size"], epochs=case["epochs"], verbose=0, callbacks=[Clock()]
    )
    return statistics.median(seconds[1:])


def chosen(name: str, jit: str, epochs: int) -> dict[str, Any]:
    """The seconds of a training that is not deterministic, and how its steps were run."""
    import modelspec as ms
    from modelspec.runtime.run.step import TrainingSteps

    case = {**CASES, "elementwise": ELEMENTWISE}[name]
    write_data(case)
    counts: list[int] = []
    count = TrainingSteps.operations

    def counted(steps: TrainingSteps, iterator: Any) -> int:
        counts.append(count(steps, iterator))
        return counts[-1]

    TrainingSteps.operations = counted  # type: ignore[method-assign]
    value = spec({**case, "epochs": epochs}, deterministic=False)
    value["runtime"]["jit"] = "auto" if jit == "auto" else False
    run = ms.load_spec(value).train("run")
    found = json.loads((run.directory / "manifest.json").read_text())
    lines = (run.directory / "history.csv").read_text().splitlines()[2:]
    epoch = statistics.median(float(line.rpartition(",")[2]) for line in lines)
    return {
        **{name: found[name] for name in ("seconds", "execution")},
        "epoch": epoch,
        "operations": counts[-1] if counts else None,
    }


def child(name: str, way: str, *more: str) -> Any:
    """`measured` or `chosen` in a new process and folder."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--child", name, way, *more],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def compare(name: str, rounds: int) -> None:
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(rounds):
        for way in WAYS:
            best[way] = min(best[way], child(name, way))
    case = CASES[name]
    print(
        f"bound by {name}: {case['examples']:,} examples an epoch, batches of {case['batch_size']}"
    )
    for way, seconds in best.items():
        ratio = best["fit"] / seconds
        print(f"  {way:30}{case['examples'] / seconds:12,.0f} examples/s{ratio:8.2f} times `fit`")
    alike = best["fit, deterministic"] / best["modelspec"]
    print(
        f"  like for like: {best['fit'] / best['modelspec, not deterministic']:.2f} times,"
        f" deterministic {alike:.2f}"
    )
    cost = best["modelspec"] / best["modelspec, not deterministic"] - 1
    print(f"  determinism costs {cost:.0%} of an epoch's time")


def choose(name: str, seconds: float) -> None:
    """Prints what `jit: auto` chooses in a training of about so many seconds, and what it gains."""
    epochs = max(4, round(seconds / child(name, "false", "4")["epoch"]))
    plain, auto = (child(name, jit, str(epochs)) for jit in ("false", "auto"))
    [choice] = auto["execution"]["jit"]
    print(f"{name}: {choice['why']}, {'with' if auto['execution']['xla'] else 'without'} XLA")
    if choice["why"] == "measured":
        each = 1e3 * choice["compile_seconds"] / auto["operations"]
        print(
            f"  a step takes {1e3 * choice['step_seconds']:.3g} ms, with XLA"
            f" {1e3 * choice['xla_step_seconds']:.3g} ms; {choice['compile_seconds']:.1f} s of"
            f" compilation, {each:.1f} ms for each of {auto['operations']} operations"
        )
    ratio = auto["seconds"] / plain["seconds"]
    print(
        f"  {epochs} epochs: {auto['seconds']:.1f} s with `auto`, {plain['seconds']:.1f} s without"
        f" XLA, ratio {ratio:.2f}"
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        name, way, *more = sys.argv[2:]
        print(json.dumps(chosen(name, way, int(more[0])) if more else measured(name, way)))
        return
    if sys.argv[1:2] == ["--xla"]:
        for name in sys.argv[3].split(",") if sys.argv[3:] else (*CASES, "elementwise"):
            choose(name, float(sys.argv[2]) if sys.argv[2:] else 120)
        return
    for name in CASES:
        compare(name, int(sys.argv[1]) if sys.argv[1:] else 3)


if __name__ == "__main__":
    main()
