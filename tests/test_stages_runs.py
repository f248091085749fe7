"""Stages of a training as they run: against the same training by hand in Keras, killed and resumed,
and with their own examples and callbacks.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.run import Run, RunError, Watcher, resume, train

pytestmark = pytest.mark.tensorflow

SEED = 5
SPEC: dict[str, Any] = {
    "name": "staged",
    "seed": SEED,
    "model": {
        "inputs": {"x": [6]},
        "layers": [
            {"Dense": {"units": 8, "activation": "relu", "name": "body"}},
            {"BatchNormalization": {"name": "norm"}},
            {"Dropout": 0.3},
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
        ],
    },
    "data": {
        "source": {"npz": "d.npz"},
        "split": {"validation": 0.2, "test": 0.2},
        "inputs": {"x": "x"},
        "targets": {"kind": "y"},
    },
    "training": {
        "loss": "sparse_categorical_crossentropy",
        "batch_size": 8,
        "checkpoint": {"every": "2 steps", "keep": 2},
        "callbacks": [
            {"EarlyStopping": {"monitor": "val_loss", "patience": 50}},
            {"CSVLogger": "log.csv"},
        ],
        "stages": [
            {
                "name": "head",
                "epochs": 4,
                "freeze": ["body", "norm"],
                "optimizer": {"Adam": 0.05},
                "callbacks": [
                    {
                        "EarlyStopping": {
                            "monitor": "loss",
                            "patience": 1,
                            "min_delta": 10,
                            "restore_best_weights": True,
                        }
                    }
                ],
            },
            {
                "name": "easy",
                "epochs": 2,
                "metrics": ["accuracy"],
                "batch_size": 5,
                "data": {"where": "size < 0.6"},
                "optimizer": {"SGD": {"learning_rate": 0.1, "momentum": 0.9}},
            },
            {"name": "all", "epochs": 2, "optimizer": "keep"},
        ],
    },
}
PLANNED = {"head": 2, "easy": 2, "all": 2}
"""The epochs of each stage: the first one stops after two of its four."""


class Killed(BaseException):
    """Ends a run as a power cut does."""


class Killer(Watcher):
    """Ends a run at a step of an epoch; at step 0 when the epoch before it has ended."""

    wants_steps = True

    def __init__(self, epoch: int, step: int) -> None:
        self.place = epoch, step

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if (epoch, step) >= self.place:
            raise Killed

    def epoch(self, epoch: Any) -> None:
        if self.place == (epoch.number + 1, 0):
            raise Killed


def write_data() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)).astype("float32")
    y = (x.mean(1) > 0).astype("int64") + (x[:, 0] > 0)
    np.savez("d.npz", x=x, y=y, size=rng.uniform(size=60))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    write_data()


@pytest.fixture(scope="module")
def undisturbed(home: Path) -> Run:
    before = Path.cwd()
    os.chdir(home)
    write_data()
    try:
        return train(ms.load_spec(SPEC), home / "undisturbed")
    finally:
        os.chdir(before)


def with_stage(name: str, **keys: Any) -> dict[str, Any]:
    """The spec with some keys of a stage replaced."""
    training = SPEC["training"]
    stages = [{**one, **keys} if one["name"] == name else one for one in training["stages"]]
    return {**SPEC, "training": {**training, "stages": stages}}


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "history.csv").open() as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]


def manifest(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return found


def variables(model: Any) -> list[Any]:
    return [one.numpy() for one in (*model.variables, *model.optimizer.variables)]


def assert_same(one: Run, other: Run) -> None:
    for mine, its in zip(variables(one.model), variables(other.model), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert rows(one.directory) == rows(other.directory)
    assert one.by_part == other.by_part
    for name in ("log.csv", "metrics.json"):
        mine_bytes, its_bytes = (run.directory / name for run in (one, other))
        assert mine_bytes.read_bytes() == its_bytes.read_bytes(), name


# Against Keras ------------------------------------------------------------------------------------


def by_hand(spec: dict[str, Any]) -> Any:
    """The same training with `compile` and `fit` of Keras."""
    import keras

    from modelspec.runtime.data.batches import order
    from modelspec.runtime.run.run_data import prepared_data

    prepared = prepared_data(ms.load_spec(spec).compiled)
    train_part = prepared.parts["train"]
    x, y = train_part.examples.inputs["x"], train_part.examples.targets["kind"]
    size = np.load("d.npz")["size"]
    whole = train_part.positions
    easy = whole[size[whole] < 0.6]
    assert 0 < len(easy) < len(whole)
    model = ms.load_spec(spec).build()
    sgd = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)
    stages = [
        (whole, 8, ("body", "norm"), keras.optimizers.Adam(0.05)),
        (easy, 5, (), sgd),
        (whole, 8, (), sgd),
    ]
    epoch, best = 0, None
    for positions, batch_size, frozen, optimizer in stages:
        for layer in model.layers:
            layer.trainable = layer.name not in frozen
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
        for _ in range(2):
            at = positions[order(SEED, epoch, len(positions))]
            model.fit(x[at], y[at], batch_size=batch_size, shuffle=False, verbose=0)
            epoch += 1
            best = model.get_weights() if epoch == 1 else best
        if frozen:  # the early stopping of the first stage restores the weights of its best epoch
            model.set_weights(best)
    return model


def test_the_weights_are_those_of_the_same_training_by_hand(undisturbed: Run) -> None:
    model = by_hand(SPEC)
    for mine, its in zip(variables(undisturbed.model), variables(model), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-5)


def test_one_history_and_one_manifest_name_the_stages(undisturbed: Run) -> None:
    history = rows(undisturbed.directory)
    assert [row["stage"] for row in history] == [
        name for name, count in PLANNED.items() for _ in range(count)
    ]
    assert [row["epoch"] for row in history] == ["1", "2", "3", "4", "5", "6"]
    assert [bool(row["accuracy"]) for row in history] == [False, False, True, True, False, False]
    assert np.isnan(undisturbed.history["accuracy"][0]), "no value where nothing was logged"
    rates = [round(float(row["learning_rate"]), 6) for row in history]
    assert rates == [0.05, 0.05, 0.1, 0.1, 0.1, 0.1]
    found = manifest(undisturbed.directory)
    assert [one["epochs"] for one in found["training"]["stages"]] == [4, 2, 2]
    assert [(one["name"], one["epochs"]) for one in found["stages"]] == list(PLANNED.items())
    assert found["stages"][0]["stopped_by"] == "EarlyStopping"
    assert "stopped_by" not in found["stages"][1]
    assert found["ending"]["epochs"] == found["ending"]["planned"] == 6
    stages = json.loads((undisturbed.directory / "metrics.json").read_text())["stages"]
    assert stages[1]["metrics"]["accuracy"] == undisturbed.history["accuracy"][3]
    assert (
        "stages: head, then easy, then all" in (undisturbed.directory / "report.html").read_text()
    )


def test_callbacks_of_the_section_count_over_all_stages(undisturbed: Run) -> None:
    """The newest checkpoint is of the end of the last epoch's steps, before its callbacks."""
    newest = sorted((undisturbed.directory / "checkpoints").iterdir())[-1]
    values = json.loads((newest / "index.json").read_text())["state"]["callbacks"][0]["values"]
    losses = undisturbed.history["val_loss"][:-1]
    assert values["best_epoch"] == int(np.argmin(losses))
    assert values["wait"] == len(losses) - 1 - int(np.argmin(losses))
    logged = (undisturbed.directory / "log.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in logged] == ["epoch", "0", "1", "2", "3", "4", "5"]


# Resumed ------------------------------------------------------------------------------------------


def test_a_run_killed_in_each_stage_and_between_them_ends_as_the_undisturbed_one(
    undisturbed: Run,
) -> None:
    """Its last stage first has one epoch; the other is added to the completed run."""
    run = Path("killed")
    with pytest.raises(Killed):
        train(ms.load_spec(with_stage("all", epochs=1)), run, watcher=Killer(2, 3))
    for place in ((3, 0), (4, 2), (5, 3)):
        with pytest.raises(Killed):
            resume(run, watcher=Killer(*place))
    done = resume(run)
    assert [one.get("epochs") for one in manifest(run)["stages"]] == [2, 2, 1]
    assert resume(run).directory == done.directory, "nothing is left to do"
    assert_same(resume(run, {"training.stages.all.epochs": 2}), undisturbed)
    assert "inexact" not in manifest(run)


def test_epochs_of_a_stage_that_has_ended_cannot_be_added(undisturbed: Run) -> None:
    with pytest.raises(RunError) as refused:
        resume(undisturbed.directory, {"training.stages.easy.epochs": 3})
    assert [one.code for one in refused.value.diagnostics] == ["MS720"]


@pytest.mark.parametrize("number", range(int(os.environ.get("MODELSPEC_KILLS", "1"))))
def test_kill_9_at_any_instant(undisturbed: Run, number: int) -> None:
    draws = random.Random(number)
    Path("staged.json").write_text(json.dumps(SPEC))
    run = Path(f"kill{number}")
    package = str(Path(ms.__file__).parent.parent)
    one = subprocess.Popen(
        [sys.executable, "-m", "modelspec", "train", "staged.json", "--run-dir", str(run), "-q"],
        env={**os.environ, "PYTHONPATH": package},
    )
    least, until = draws.randrange(4, 16), time.monotonic() + 120
    while time.monotonic() < until and one.poll() is None:
        found = (run / "checkpoints").glob("[0-9]*-step-*")
        if any(int(each.name.rpartition("-")[2]) >= least for each in found):
            break
        time.sleep(0.001)
    time.sleep(draws.uniform(0, 0.5))
    one.kill()
    assert one.wait() == -signal.SIGKILL
    assert_same(resume(run), undisturbed)


# Data ---------------------------------------------------------------------------------------------


def test_each_stage_has_its_own_examples() -> None:
    """The batches of a stage are the rows that it keeps, varied as it says."""
    from modelspec.runtime.data.batches import Feed
    from modelspec.runtime.run.run_data import prepared_data

    spec = with_stage("all", data={"augment": [{"GaussianNoise": 0.1}]})
    prepared = prepared_data(ms.load_spec(spec).compiled)
    size, original = np.load("d.npz")["size"], np.load("d.npz")["x"]
    positions = [one.parts["train"].positions for one in prepared.stages]
    whole = prepared.parts["train"].positions
    assert [list(one) for one in positions] == [
        list(whole),
        list(whole[size[whole] < 0.6]),
        list(whole),
    ]
    for stage, is_varied in zip(prepared.stages, (False, False, True), strict=True):
        part = stage.parts["train"]
        batch = next(iter(Feed(part.examples).training(part.positions, SEED, 60, 1)))
        x = np.sort(batch[0].numpy(), axis=0)
        assert np.array_equal(x, np.sort(original[part.positions], axis=0)) != is_varied
        assert stage.parts["validation"] is prepared.parts["validation"]


def test_a_stage_without_examples_is_an_error() -> None:
    from modelspec.runtime.run.run_data import prepared_data

    with pytest.raises(RunError) as none:
        prepared_data(ms.load_spec(with_stage("easy", data={"where": "size > 2"})).compiled)
    assert [one.code for one in none.value.diagnostics] == ["MS639"]
    size = np.linspace(0, 0.5, 60)
    x, y = np.load("d.npz")["x"], np.load("d.npz")["y"]
    held_out = prepared_data(ms.load_spec(SPEC).compiled).parts["test"].positions
    size[held_out] = 0.9
    np.savez("d.npz", x=x, y=y, size=size)
    with pytest.raises(RunError) as none:
        prepared_data(ms.load_spec(with_stage("easy", data={"where": "size > 0.6"})).compiled)
    [found] = none.value.diagnostics
    assert found.code == "MS838" and found.span is not None and "size > 0.6" in found.span.text


# Ending -------------------------------------------------------------------------------------------


def test_a_callback_of_the_section_ends_the_run(undisturbed: Run) -> None:
    """It stops in the first stage; the run is measured as the last stage trains."""
    stop = {"EarlyStopping": {"monitor": "loss", "patience": 1, "min_delta": 10}}
    spec = with_stage("head", callbacks=[])
    spec["training"] = {**spec["training"], "callbacks": [stop], "metrics": ["accuracy"]}
    run = train(ms.load_spec(spec), Path("ended"))
    assert [row["stage"] for row in rows(run.directory)] == ["head", "head"]
    ending = manifest(run.directory)["ending"]
    assert (ending["epochs"], ending["planned"], ending["stopped_by"]) == (2, 8, "EarlyStopping")
    assert set(run.by_part["test"]) == {"loss", "accuracy"}
    assert len(run.model.trainable_variables) == 6, "the last stage freezes nothing"
