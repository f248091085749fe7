"""Runs that are killed, interrupted and gone on with end as the undisturbed run ends, to the
bit.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.run import Interrupted, Run, RunError, Watcher, framework, resume, train
from modelspec.runtime.run.checkpoints import Store

pytestmark = pytest.mark.tensorflow

EPOCHS, STEPS = 14, 9
CNN: dict[str, Any] = {
    "name": "small",
    "seed": 11,
    "model": {
        "inputs": {"image": [6, 6, 1]},
        "layers": [
            {"GaussianNoise": 0.1},
            {"Conv2D": {"filters": 4, "kernel_size": 3}},
            {"BatchNormalization": {}},
            "ReLU",
            "Flatten",
            {"Dropout": 0.3},
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
        ],
    },
    "data": {
        "source": {"npz": "d.npz"},
        "split": {"validation": 0.2, "test": 0.2},
        "inputs": {"image": "x"},
        "targets": {"kind": "y"},
    },
    "training": {
        "optimizer": {"AdamW": {"learning_rate": 0.02, "weight_decay": 0.01}},
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "epochs": EPOCHS,
        "batch_size": 8,
        "checkpoint": {"every": "7 steps", "keep": 3},
        "callbacks": [
            {"ReduceLROnPlateau": {"monitor": "val_loss", "patience": 1, "factor": 0.5}},
            {"EarlyStopping": {"monitor": "val_loss", "patience": 5, "restore_best_weights": True}},
            {"CSVLogger": "log.csv"},
            {
                "ModelCheckpoint": {
                    "filepath": "best.weights.h5",
                    "save_weights_only": True,
                    "save_best_only": True,
                }
            },
        ],
    },
}
HEADS: dict[str, Any] = {
    **CNN,
    "runtime": {"precision": "mixed_float16"},
    "model": {
        "inputs": {"image": [6, 6, 1]},
        "layers": [
            "Flatten",
            {"Dense": {"units": 8, "activation": "tanh"}},
            {"Dropout": {"rate": 0.2, "name": "inner"}},
            {"Dense": {"units": 3, "activation": "softmax", "name": "kind", "dtype": "float32"}},
            {"Dense": {"units": 1, "from": "inner", "name": "price", "dtype": "float32"}},
        ],
        "outputs": ["kind", "price"],
    },
    "data": {**CNN["data"], "targets": {"kind": "y", "price": "price"}},
    "training": {
        **CNN["training"],
        "epochs": 6,
        "loss": {"kind": "sparse_categorical_crossentropy", "price": "mse"},
        "metrics": {"kind": ["accuracy"]},
        "optimizer": {
            "SGD": {
                "momentum": 0.9,
                "use_ema": True,
                "ema_momentum": 0.9,
                "learning_rate": {
                    "CosineDecay": {"initial_learning_rate": 0.05, "decay_steps": 40}
                },
            }
        },
        "callbacks": ["SwapEMAWeights"],
        "checkpoint": "1 epoch",
    },
}


class Killed(BaseException):
    """What ends a run in the middle of it, in place of a power cut."""


class Killer(Watcher):
    """Ends the run after so many steps of it, or at the end of an epoch."""

    wants_steps = True

    def __init__(
        self, steps: int, act: Callable[[], None] | None = None, *, at_epochs: bool = False
    ) -> None:
        self.left, self.act, self.at_epochs, self.seen = steps, act or self.die, at_epochs, 0
        self.codes: list[str] = []

    def die(self) -> None:
        raise Killed

    def step(self, epoch: int, step: int, logs: Any) -> None:
        now = (epoch - 1) * STEPS + step
        if not self.at_epochs and now >= self.left:
            self.act()

    def epoch(self, epoch: Any) -> None:
        if self.at_epochs and epoch.number >= self.left:
            self.act()

    def warned(self, diagnostics: Any) -> None:
        self.codes += [one.code for one in diagnostics]


def write_data() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 6, 6, 1)).astype("float32")
    y = (x.mean((1, 2, 3)) > 0).astype("int64") + (x[:, 0, 0, 0] > 0)
    np.savez("d.npz", x=x, y=y, price=x.sum((1, 2, 3)).astype("float32"))


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
        return train(ms.load_spec(CNN), home / "undisturbed")
    finally:
        os.chdir(before)


def state(run: Run) -> list[Any]:
    return [one.numpy() for one in (*run.model.variables, *run.model.optimizer.variables)]


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "history.csv").open() as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]


def assert_same(one: Run, other: Run) -> None:
    for mine, its in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert one.history == other.history
    assert one.by_part == other.by_part
    assert rows(one.directory) == rows(other.directory)
    for name in ("log.csv", "metrics.json"):
        if (other.directory / name).exists():
            assert (one.directory / name).read_bytes() == (other.directory / name).read_bytes()


def manifest(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return found


def killed(spec: Any, directory: Path, watchers: list[Watcher]) -> Run:
    """Trained, killed by every watcher in turn, and gone on with to the end."""
    with pytest.raises(Killed):
        train(ms.load_spec(spec), directory, watcher=watchers[0])
    for watcher in watchers[1:]:
        with pytest.raises(Killed):
            resume(directory, watcher=watcher)
    return resume(directory)


# Killed -------------------------------------------------------------------------------------------


def test_the_undisturbed_run_exercises_what_is_to_be_kept(undisturbed: Run) -> None:
    assert 6 <= len(undisturbed.history["loss"]) < EPOCHS, "it should stop early"
    assert len(set(undisturbed.history["learning_rate"])) > 2, (
        "the plateau should be met more than once"
    )


def test_a_run_killed_in_the_middle_of_epochs_ends_as_the_undisturbed_one(undisturbed: Run) -> None:
    """And one killed at their ends, whose history has every epoch once. It is one run, because
    each time that it is resumed it traces its model again, which takes most of the time.
    """
    early, late = sorted(random.Random(7).sample(range(8, 6 * STEPS), 2))
    ends: list[Watcher] = [Killer(number, at_epochs=True) for number in (3, 5)]
    kills = [Killer(early), ends[0], Killer(late), ends[1]]
    done = killed(CNN, Path("often"), kills)
    assert_same(done, undisturbed)
    assert len(manifest(Path("often"))["resumed"]) == len(kills)
    assert manifest(Path("often"))["outcome"] == "completed"
    assert "inexact" not in manifest(Path("often"))
    assert manifest(Path("often"))["execution"]["xla"] is False
    assert manifest(Path("often"))["execution"]["steps_per_call"] >= 1


def test_a_run_killed_before_its_first_checkpoint_begins_again(undisturbed: Run) -> None:
    with pytest.raises(Killed):
        train(ms.load_spec(CNN), Path("early"), watcher=Killer(2))
    watcher = Killer(10**6)
    assert_same(resume("early", watcher=watcher), undisturbed)
    assert watcher.codes == ["MS723"]


def test_mixed_precision_several_outputs_running_means_and_schedules_go_on_exactly() -> None:
    whole = train(ms.load_spec(HEADS), Path("heads"))
    assert_same(killed(HEADS, Path("heads2"), [Killer(13), Killer(4, at_epochs=True)]), whole)


def test_a_damaged_checkpoint_is_told_of_and_the_one_before_is_gone_on_from(
    undisturbed: Run,
) -> None:
    with pytest.raises(Killed):
        train(ms.load_spec(CNN), Path("flip"), watcher=Killer(30))
    newest = sorted(Path("flip/checkpoints").iterdir())[-1] / "tensors.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(content)
    watcher = Killer(10**6)
    assert_same(resume("flip", watcher=watcher), undisturbed)
    assert watcher.codes == ["MS741"]


def process(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    package = str(Path(ms.__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-m", "modelspec", *arguments],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": package, **environment},
    )


def await_steps(run: Path, steps: int, process: subprocess.Popen[str]) -> None:
    """Returns once a checkpoint of at least so many steps is there."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        found = (run / "checkpoints").glob("*-step-*")
        if any(
            int(one.name.rpartition("-")[2]) >= steps
            for one in found
            if not one.name.startswith(".")
        ):
            return
        time.sleep(0.001)
    raise AssertionError(f"no checkpoint: {process.communicate()}")


@pytest.mark.parametrize("number", range(int(os.environ.get("MODELSPEC_KILLS", "1"))))
def test_kill_9_at_any_instant(undisturbed: Run, number: int) -> None:
    """`MODELSPEC_KILLS=50` hunts for instants at which it does not hold."""
    draws = random.Random(number)
    Path("cnn.json").write_text(json.dumps(CNN))
    run = Path(f"kill{number}")
    one = process("train", "cnn.json", "--run-dir", str(run))
    await_steps(run, draws.randrange(7, 4 * STEPS), one)
    time.sleep(draws.uniform(0, 0.05))
    one.kill()
    one.communicate()
    assert one.returncode == -signal.SIGKILL
    assert manifest(run)["outcome"] == "running"
    assert_same(resume(run), undisturbed)


# Signals ------------------------------------------------------------------------------------------


def test_the_first_signal_commits_and_tells_how_to_go_on(undisturbed: Run) -> None:
    Path("cnn.json").write_text(json.dumps(CNN))
    one = process("train", "cnn.json", "--run-dir", "signal")
    await_steps(Path("signal"), 14, one)
    one.send_signal(signal.SIGTERM)
    _, said = one.communicate(timeout=60)
    assert one.returncode == 75, said
    assert "interrupted by SIGTERM after" in said
    assert "modelspec resume signal" in said
    assert manifest(Path("signal"))["outcome"] == "interrupted"
    assert_same(resume("signal"), undisturbed)


def test_a_second_interrupt_ends_it_at_once() -> None:
    """Both come while the process is stopped, so that the second one is there before the first is
    heeded.
    """
    Path("cnn.json").write_text(json.dumps(CNN))
    one = process(
        "train",
        "cnn.json",
        "--run-dir",
        "twice",
        "--set",
        "training.epochs=100000",
        "--set",
        "training.callbacks=[]",
        "--set",
        "training.checkpoint=7 steps",
    )
    await_steps(Path("twice"), 14, one)
    for number in (signal.SIGSTOP, signal.SIGHUP, signal.SIGINT, signal.SIGCONT):
        one.send_signal(number)
    _, said = one.communicate(timeout=60)
    assert one.returncode == 130, said
    assert "Traceback" not in said
    assert manifest(Path("twice"))["outcome"] == "interrupted"
    found = Store(Path("twice/checkpoints")).latest()
    assert found is not None
    assert found.position >= 14
    assert found.position % 7 == 0


@pytest.mark.parametrize("place", ["validation", "epoch"])
def test_a_signal_anywhere_loses_nothing(
    undisturbed: Run, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.runtime.run import training_loop as fitting

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    validate, once = fitting.Fitting._validate, []

    def interrupted(self: Any) -> Any:
        if self.epoch == 2 and not once:
            once.append(interrupt())
        return validate(self)

    watcher: Watcher = Watcher()
    if place == "validation":
        monkeypatch.setattr(fitting.Fitting, "_validate", interrupted)
    else:
        watcher = Killer(3, interrupt, at_epochs=True)
    with pytest.raises(Interrupted) as error:
        train(ms.load_spec(CNN), Path(f"hup-{place}"), watcher=watcher)
    assert error.value.signal == "SIGHUP"
    assert_same(resume(f"hup-{place}"), undisturbed)


# What is refused ----------------------------------------------------------------------------------


@pytest.fixture
def stopped() -> Path:
    """A run that was killed in its second epoch."""
    run = Path("stopped")
    if not run.exists():
        with pytest.raises(Killed):
            train(ms.load_spec(CNN), run, watcher=Killer(15))
    return run


def change(run: Path, *path: str, to: Any) -> dict[str, Any]:
    """The manifest before a value of it was changed."""
    before = manifest(run)
    values = inner = json.loads(json.dumps(before))
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    (run / "manifest.json").write_text(json.dumps(values))
    return before


@pytest.mark.parametrize("key", ["versions", "machine", "data", "spec"])
def test_a_manifest_of_nonsense_ends_in_a_table_too(stopped: Path, key: str) -> None:
    before = change(stopped, key, to=[1])
    try:
        with pytest.raises(RunError) as error:
            resume(stopped)
    finally:
        (stopped / "manifest.json").write_text(json.dumps(before))
    assert error.value.diagnostics[0].code == "MS720"


@pytest.mark.parametrize(
    ("path", "to", "words"),
    [
        (("versions", "tensorflow"), "1.0", "tensorflow"),
        (("versions", "keras"), "2.0", "keras"),
        (("machine", "cpu"), "Z80", "machine: cpu"),
        (("backend", "intra_op_threads"), 99, "threads within an operation"),
        (("backend", "onednn"), "0", "TF_ENABLE_ONEDNN_OPTS"),
        (("data", "train", "sha256"), "0" * 64, "data: train"),
        (("spec", "resolved_sha256"), "0" * 64, "resolved.yaml"),
    ],
)
def test_what_is_not_as_it_was_is_refused_and_named(
    stopped: Path, path: Any, to: Any, words: str
) -> None:
    before = change(stopped, *path, to=to)
    try:
        with pytest.raises(RunError) as error:
            resume(stopped)
    finally:
        (stopped / "manifest.json").write_text(json.dumps(before))
    found = error.value.diagnostics[0]
    assert found.code == "MS720"
    assert any(note.message.startswith(words) for note in found.notes), found.notes


def test_a_changed_spec_is_refused_with_what_is_harmless_of_it(stopped: Path) -> None:
    change = {"training.batch_size": 4, "training.epochs": 20, "training.checkpoint": "5 steps"}
    with pytest.raises(RunError) as error:
        resume(stopped, change)
    notes = [note.message.split() for note in error.value.diagnostics[0].notes]
    assert [(note[0], note[-1] == "harmless") for note in notes] == [
        ("training.batch_size", False),
        ("training.checkpoint", True),
        ("training.checkpoint.every", True),
        ("training.checkpoint.keep", True),
        ("training.epochs", True),
    ]


def test_a_run_in_use_is_refused_before_a_framework_is_loaded(stopped: Path) -> None:
    from modelspec.runtime.run.folder import RunFolder

    with RunFolder.reopen(stopped), pytest.raises(RunError) as error:
        resume(stopped)
    assert error.value.diagnostics[0].code == "MS702"


def test_no_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(RunError) as error:
        resume(tmp_path)
    assert error.value.diagnostics[0].code == "MS708"
    assert not list(tmp_path.iterdir())


def test_inexact_is_allowed_where_it_is_asked_for_and_kept_for_ever(stopped: Path) -> None:
    with pytest.raises(Killed):
        resume(stopped, {"training.batch_size": 4}, allow_inexact=True, watcher=Killer(25))
    done = resume(stopped)
    assert manifest(stopped)["inexact"] is True
    assert [one["inexact"] for one in manifest(stopped)["resumed"]] == [True, False]
    assert manifest(stopped)["resumed"][0]["differences"][0]["what"] == "training.batch_size"
    assert done.history["loss"]


def test_threads_are_those_of_the_run_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    pins = framework.Pins
    assert pins.here() == pins(framework.cores(), framework.cores(), "default")
    before = {"intra_op_threads": 17, "inter_op_threads": 3, "onednn": "0"}
    assert pins.here(before) == pins(17, 3, "0")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "5")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert pins.here(before) == pins(5, 3, "1")


def test_the_manifest_says_whether_runs_repeat_themselves(
    undisturbed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert manifest(undisturbed.directory)["deterministic"]["promised"] is True
    assert manifest(undisturbed.directory)["backend"]["intra_op_threads"] >= 1
    monkeypatch.setattr(framework, "is_deterministic", lambda: False)
    assert framework.promise()["promised"] is False


# Runs that ended ----------------------------------------------------------------------------------


def test_a_run_that_ended_is_left_alone_and_more_epochs_go_on_from_its_end() -> None:
    spec = {**CNN, "training": {**CNN["training"], "callbacks": [], "checkpoint": "1 hour"}}
    whole = train(ms.load_spec(spec, {"training.epochs": 5}), Path("five"))
    first = train(ms.load_spec(spec, {"training.epochs": 3}), Path("three"))
    before = (Path("three/model.keras").stat().st_mtime_ns, manifest(Path("three")))
    for mine, its in zip(resume("three").model.weights, first.model.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    assert (Path("three/model.keras").stat().st_mtime_ns, manifest(Path("three"))) == before
    told = CliRunner().invoke(main, ["resume", "three"])
    assert (told.exit_code, "is complete" in told.output) == (0, True)
    assert_same(resume("three", {"training.epochs": 5}), whole)
    fewer = CliRunner().invoke(main, ["resume", "five", "--set", "training.epochs=4"])
    assert (fewer.exit_code, "is complete" in fewer.output) == (0, True)
    wrong = CliRunner().invoke(main, ["resume", "five", "--set", "training.epocs=9"])
    assert wrong.exit_code == 1
    assert "MS201" in wrong.output
