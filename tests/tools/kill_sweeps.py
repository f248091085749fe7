"""Kills a sweep at random moments, continues it, and compares it with an undisturbed one.

    python -m tests.tools.kill_sweeps [KILLS [SEED [SAMPLER [PRUNER]]]]

Every trial must have the same values, state, curve and objectives to the bit, and the model of the
best trial the same weights.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SPEC = """
modelspec: 1
name: iris
seed: 3
vars: {width: 8, rate: 0.0}
model:
  inputs: {measures: [4]}
  layers:
    - Dense: {units: $width, activation: relu}
    - Dropout: $rate
    - Dense: {units: 3, activation: softmax, name: species}
data:
  source: {dataset: iris}
  split: {validation: 0.2, test: 0.2}
  inputs: {measures: {columns: [sepal_length, sepal_width, petal_length, petal_width]}}
  targets: {species: {column: target}}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.01}}
  metrics: [accuracy]
  epochs: EPOCHS
  batch_size: 16
  checkpoint: {every: 3 steps, keep: 2}
sweep:
  objective: {minimize: val_loss}
  trials: TRIALS
  sampler: SAMPLER
  pruner: PRUNER
  parameters:
    vars.width: {integers: [4, 16]}
    training.optimizer.Adam.learning_rate: {log_uniform: [1e-3, 1e-1]}
    vars.rate: {uniform: [0, 0.5], when: $(width > 8)}
"""


def written(folder: Path, *, trials: int, epochs: int, sampler: str, pruner: str) -> Path:
    """A spec with a sweep in a new project."""
    folder.mkdir(parents=True, exist_ok=True)
    text = SPEC.replace("TRIALS", str(trials)).replace("EPOCHS", str(epochs))
    text = text.replace("SAMPLER", sampler).replace("PRUNER", pruner)
    (folder / "iris.yaml").write_text(text)
    return folder


def command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "modelspec", "sweep", "iris.yaml", *words]


def environment() -> dict[str, str]:
    """The environment of a sweep: this modelspec, wherever the project is."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def run(folder: Path, *words: str) -> int:
    """Runs a sweep to its end; returns its exit status."""
    done = subprocess.run(
        command(*words), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.stdout.write(done.stdout + done.stderr)
    return done.returncode


def killed(folder: Path, seconds: float, *words: str) -> bool:
    """Starts a sweep, and kills it after some seconds; returns whether it had ended before."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command(*words), cwd=folder, env=environment(), stdout=output, stderr=output
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return False
        if process.returncode:
            output.seek(0)
            sys.stdout.write(output.read().decode())
    return True


def trials(folder: Path) -> list[dict[str, Any]]:
    """The trials of the sweep of a project, without their times."""
    found = json.loads((folder / "runs/iris/sweep-1/trials.json").read_text())
    kept = ("number", "state", "values", "objectives", "curve", "reused")
    return [{key: one[key] for key in kept} for one in found["trials"]]


def best_weights(folder: Path) -> bytes:
    """The weights of the model of the best trial, as bytes."""
    import io
    import zipfile

    import h5py

    sweep = folder / "runs/iris/sweep-1"
    best = json.loads((sweep / "trials.json").read_text())["best"]
    with zipfile.ZipFile(sweep / str(best) / "model.keras") as archive:
        content = archive.read("model.weights.h5")
    found: list[bytes] = []
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(
            lambda name, one: (
                found.append(name.encode() + one[()].tobytes())
                if isinstance(one, h5py.Dataset) and name.startswith("layers")
                else None
            )
        )
    return b"".join(found)


def main(kills: int = 12, seed: int = 1, sampler: str = "tpe", pruner: str = "asha") -> int:
    random.seed(seed)
    scratch = Path(tempfile.mkdtemp(prefix="modelspec-sweeps-"))
    settings = {"trials": 10, "epochs": 40, "sampler": sampler, "pruner": pruner}
    whole = written(scratch / "whole", **settings)
    broken = written(scratch / "broken", **settings)
    if run(whole) not in (0,):
        return 1
    done = 0
    while done < kills:
        if killed(broken, random.uniform(2.0, 14.0)):
            break
        done += 1
        time.sleep(0.1)
    if run(broken) != 0:
        return 1
    same = trials(whole) == trials(broken)
    weights = best_weights(whole) == best_weights(broken)
    resumed = sum(
        len(json.loads(path.read_text()).get("resumed") or ())
        for path in (broken / "runs/iris/sweep-1").glob("*/manifest.json")
    )
    states = [one["state"] for one in trials(whole)]
    sys.stdout.write(
        f"{sampler}, {pruner}: {done} kills, {resumed} resumed runs, {len(states)} trials"
        f" ({states.count('pruned')} pruned); same trials: {same}; same weights: {weights}\n"
    )
    if not same:
        for one, other in zip(trials(whole), trials(broken), strict=False):
            if one != other:
                sys.stdout.write(f"{one}\n{other}\n")
    else:
        shutil.rmtree(scratch)
    return 0 if same and weights else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    numbers = [int(one) for one in given[:2]]
    sys.exit(main(*numbers, *given[2:]))
