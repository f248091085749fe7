"""What kills, starves or deceives a run, each with its test.

What a crash must not change (in `test_resume`, unless another file is named):

    no shuffling, saves at epochs    test_mixed_precision_several_outputs_running_means_and_schedules_go_on_exactly
    batch normalization              test_a_run_killed_in_the_middle_of_epochs_ends_as_the_undisturbed_one
    shuffling                        test_run::test_every_epoch_sees_every_example_once_in_an_order_of_its_own
    dropout, noise                   test_kill_9_at_any_instant
    saves within epochs              test_a_run_killed_in_the_middle_of_epochs_ends_as_the_undisturbed_one
    early stopping, plateau          test_the_undisturbed_run_exercises_what_is_to_be_kept
    killed between two files         test_checkpoints::test_a_crash_at_any_operation_leaves_the_old_or_the_new
    weights truncated                test_checkpoints::test_a_file_that_was_cut_or_has_grown_or_is_gone_is_found
    metadata emptied                 test_checkpoints::test_a_file_that_was_cut_or_has_grown_or_is_gone_is_found
    optimizer changed                test_fault_tables::test_one_thing_that_is_not_as_it_was_is_named
    clean finish, begun again        test_run_folder::test_a_folder_that_is_not_empty_is_refused_and_left_alone
    clean finish, gone on with       test_a_run_that_ended_is_left_alone_and_more_epochs_go_on_from_its_end
    SIGTERM                          test_the_first_signal_commits_and_tells_how_to_go_on
    SIGHUP                           test_a_signal_anywhere_loses_nothing
    SIGINT                           test_run::test_a_signal_ends_the_run_and_what_was_reached_is_saved
    two runs, one folder             test_fault_tables::test_of_two_starts_at_once_exactly_one_runs
    counters of callbacks            test_loop::test_every_callback_of_the_language_says_what_of_it_is_state
    logs of callbacks                test_resume_random::test_a_training_that_is_stopped_anywhere_ends_as_it_would_have
    any of these together            test_resume_random::test_a_training_that_is_stopped_anywhere_ends_as_it_would_have
    generators, running metrics      test_loop::test_what_was_captured_is_restored_with_its_types

Determinism (here, unless another file is named):

    MLP, Conv+BN+Dropout, LSTM       test_fault_tables::test_two_runs_of_one_spec_are_equal_to_the_bit
    what is promised is said         test_the_manifest_says_whether_runs_repeat_themselves
    other threads, other oneDNN      test_what_is_not_as_it_was_is_refused_and_named
    the same threads by themselves   test_threads_are_those_of_the_run_unless_the_environment_says_otherwise

The machine:

    file of data deleted, truncated  test_fault_tables::test_data_that_go_during_a_run_hurt_nobody
    file of data replaced            test_fault_tables::test_data_that_are_others_when_a_run_goes_on_are_refused
    file of the cache truncated      test_fault_tables::test_a_cache_that_is_cut_short_ends_the_run_in_a_sentence
    between two passes over data     test_sources_changed::test_a_second_pass_over_other_bytes_is_a_fault
    file of weights replaced         test_fault_tables::test_other_weights_to_start_from_are_refused_while_they_matter
    disk full, broken, read-only     test_fault_tables::test_a_disk_that_fails_ends_the_run_and_keeps_what_is_good
    the same at every operation      test_checkpoints::test_a_disk_that_fails_at_any_operation_keeps_the_last_good_one_and_says_so
    disk too small                   test_run_folder::test_a_model_that_the_disk_has_no_room_for_is_told_before_it_is_trained
    place that nothing can be made   test_fault_tables::test_a_place_that_cannot_be_written_is_told_before_a_framework_is_loaded
    quota, from the begin            test_fault_tables::test_a_limit_of_files_is_told_before_a_framework_is_loaded
    quota, in the middle             test_fault_tables::test_a_limit_of_files_in_the_middle_of_a_run
    second signal                    test_a_second_interrupt_ends_it_at_once
    killed for memory (kill -9)      test_kill_9_at_any_instant
    memory that is not there         test_run_folder::test_a_model_that_no_memory_holds_is_refused_before_it_is_built
    two runs, one folder             test_fault_tables::test_of_two_starts_at_once_exactly_one_runs
    clock that jumps                 test_fault_tables::test_a_clock_that_jumps_changes_nothing
    stale lock, number used again    test_fault_tables::test_a_lock_that_somebody_left_behind_locks_nothing

The scoreboard:

     1  payloads executed            test_import::test_nothing_that_a_file_names_is_called_opened_or_fetched
     2  refusals in a sentence       test_import::test_hostile_files_are_refused_with_a_sentence
     3  bombs, memory                test_source_files::test_a_bomb_takes_no_memory
     4  archives on disk             test_import::test_a_bomb_is_refused_before_it_is_unpacked
     5  mutated specs                test_source_properties::test_no_mutation_of_an_example_raises
     6  hostile text                 test_source_files::test_what_is_hostile_is_refused_or_read
     7  places of faults             test_seeded_faults::test_the_place_is_exact
     8  kill -9                      test_kill_9_at_any_instant
     9  enumerated crash points      test_checkpoints::test_a_crash_at_any_operation_leaves_the_old_or_the_new
    10  torn checkpoints             test_checkpoints::test_a_crash_at_any_operation_leaves_the_old_or_the_new
    11  flipped, cut                 test_checkpoints::test_a_flipped_bit_anywhere_is_found_and_the_one_before_is_used
    11  swapped                      test_checkpoints::test_files_of_another_checkpoint_are_found
    12  errors of the disk           test_checkpoints::test_a_disk_that_fails_at_any_operation_keeps_the_last_good_one_and_says_so
    13  signals                      test_the_first_signal_commits_and_tells_how_to_go_on
    14  two writers                  test_fault_tables::test_of_two_starts_at_once_exactly_one_runs
    15  bad data                     test_bad_data::test_a_fault_has_its_verdict
    16  determinism                  test_fault_tables::test_two_runs_of_one_spec_are_equal_to_the_bit
    17  permutations                 test_run::test_every_epoch_sees_every_example_once_in_an_order_of_its_own
    18  drift                        test_fault_tables::test_one_thing_that_is_not_as_it_was_is_named
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.data import held_arrays
from modelspec.runtime.run import Run, RunError, Watcher, framework, resume, train
from modelspec.runtime.run.checkpoints import Store
from modelspec.runtime.run.folder import LOCK, RunFolder, is_written

pytestmark = pytest.mark.tensorflow

STEPS = 5
SPEC: dict[str, Any] = {
    "seed": 5,
    "model": {
        "inputs": {"x": [4]},
        "layers": [
            {"Dense": {"units": 40, "activation": "tanh"}},
            {"Dropout": 0.2},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
    "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"price": "y"}},
    "training": {
        "optimizer": {"Adam": 0.01},
        "loss": "mse",
        "epochs": 4,
        "batch_size": 8,
        "checkpoint": {"every": "2 steps", "keep": 2},
    },
}


class Killed(BaseException):
    """What ends a run in the middle of it."""


def die() -> None:
    raise Killed


class At(Watcher):
    """Acts once, when so many steps are done and, where it is to wait for that, a checkpoint is on
    disk.
    """

    wants_steps = True

    def __init__(self, steps: int, act: Callable[[], object], saved: Path | None = None) -> None:
        self.steps, self.act, self.saved = steps, act, saved

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if self.steps and (epoch - 1) * STEPS + step >= self.steps:
            self.steps = 0
            until = time.monotonic() + 60
            while (
                self.saved
                and not Store(self.saved / "checkpoints").committed()
                and time.monotonic() < until
            ):
                time.sleep(0.001)
            self.act()


def write_data(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(8 * STEPS, 4)).astype("float32")
    np.savez("d.npz", x=x, y=x.sum(1))
    np.save("x.npy", x)
    np.save("y.npy", x.sum(1))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    before, home = Path.cwd(), tmp_path_factory.mktemp("undisturbed")
    os.chdir(home)
    write_data()
    try:
        return train(ms.load_spec(SPEC), home / "run")
    finally:
        os.chdir(before)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_data()


@pytest.fixture
def _no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: Any, **settings: Any) -> None:
        raise AssertionError("the framework is loaded")

    monkeypatch.setattr(framework, "load", load)


def changed(**training: Any) -> dict[str, Any]:
    return {**SPEC, "training": {**SPEC["training"], **training}}


def numbers(run: Run) -> list[bytes]:
    return [one.numpy().tobytes() for one in (*run.model.variables, *run.model.optimizer.variables)]


def assert_same(one: Run, other: Run) -> None:
    assert one.history == other.history
    assert numbers(one) == numbers(other)


def code(error: pytest.ExceptionInfo[RunError]) -> str:
    return error.value.diagnostics[0].code


def outcome(run: Path = Path("run")) -> str:
    return str(json.loads((run / "manifest.json").read_text())["outcome"])


def test_every_test_of_the_tables_is_there() -> None:
    rows = re.findall(r"  +(?:(test_\w+)::)?(test_\w+)$", __doc__ or "", re.M)
    assert len(rows) > 50
    for file, name in rows:
        text = Path(__file__).with_name(f"{file or 'test_resume'}.py").read_text()
        assert f"\ndef {name}(" in text, (file, name)


# Two runs are equal -------------------------------------------------------------------------------

MODELS: dict[str, Any] = {
    "MLP": {
        "inputs": {"x": [4]},
        "layers": [
            {"Dense": {"units": 16, "activation": "relu"}},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
    "Conv+BN+Dropout": {
        "inputs": {"x": [4]},
        "layers": [
            {"Reshape": [2, 2, 1]},
            {"Conv2D": {"filters": 4, "kernel_size": 2, "padding": "same"}},
            {"BatchNormalization": {}},
            "ReLU",
            "Flatten",
            {"Dropout": 0.3},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
    "Embedding+LSTM": {
        "inputs": {"x": {"shape": [4], "dtype": "int32"}},
        "layers": [
            {"Embedding": {"input_dim": 9, "output_dim": 4}},
            {"LSTM": 5},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
}


@pytest.mark.parametrize("name", MODELS)
def test_two_runs_of_one_spec_are_equal_to_the_bit(name: str) -> None:
    if "LSTM" in name:
        rng = np.random.default_rng(0)
        np.savez(
            "d.npz",
            x=rng.integers(0, 9, (8 * STEPS, 4)).astype("int32"),
            y=rng.normal(size=8 * STEPS),
        )
    spec = {**changed(epochs=3), "model": MODELS[name]}
    first, second = (train(ms.load_spec(spec), Path(run)) for run in ("first", "second"))
    assert_same(first, second)
    assert len(set(first.history["loss"])) == 3


# Disks that fail ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_a_disk_that_fails_ends_the_run_and_keeps_what_is_good(
    undisturbed: Run, number: int
) -> None:
    write = os.write

    def failing(descriptor: int, content: Any) -> int:
        if "checkpoints" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(number, os.strerror(number))
        return write(descriptor, content)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError) as error:
        train(
            ms.load_spec(SPEC),
            Path("run"),
            watcher=At(6, lambda: patch.setattr(os, "write", failing), Path("run")),
        )
    assert code(error) == "MS740"
    assert os.strerror(number).lower() in error.value.diagnostics[0].message
    assert outcome() == "failed"
    found = Store(Path("run/checkpoints")).latest()
    assert found is not None and 0 < found.position <= 8
    assert_same(resume("run"), undisturbed)


@contextmanager
def limit() -> Iterator[Callable[[int], None]]:
    """How large a file of this process may be, until the end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


LARGE = {
    **SPEC,
    "model": {**SPEC["model"], "layers": [{"Dense": 20_000}, *SPEC["model"]["layers"]]},
}
"""Checkpoints of more than 10 MB."""


def test_a_limit_of_files_in_the_middle_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("spec.json").write_text(json.dumps(LARGE))
    with limit() as lower:
        watcher = At(6, lambda: lower(2**20), Path("run"))
        monkeypatch.setattr("modelspec.cli.progress.watcher", lambda quiet: watcher)
        said = CliRunner().invoke(main, ["train", "spec.json", "--run-dir", "run"])
    assert said.exit_code == 3, said.output
    assert "MS740" in said.output and "file too large" in said.output
    assert "Traceback" not in said.output
    assert outcome() == "failed"
    found = Store(Path("run/checkpoints")).latest()
    assert found is not None and 0 < found.position <= 8


@pytest.mark.usefixtures("_no_framework")
def test_a_limit_of_files_is_told_before_a_framework_is_loaded() -> None:
    with (
        limit() as lower,
        pytest.raises(RunError, match=r"file size limit of this process is 1\.0 MB") as error,
    ):
        lower(2**20)
        train(ms.load_spec(LARGE), Path("run"))
    assert code(error) == "MS703"
    assert not Path("run").exists()


@pytest.mark.usefixtures("_no_framework")
def test_a_place_that_cannot_be_written_is_told_before_a_framework_is_loaded() -> None:
    with pytest.raises(RunError) as error:
        train(ms.load_spec(SPEC), Path("/proc/run"))
    assert code(error) == "MS703"


@pytest.mark.usefixtures("_no_framework")
def test_a_package_that_a_callback_lacks_is_told_before_a_framework_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[train.__module__], "find_spec", lambda name: None)
    with pytest.raises(RunError, match="which is not installed") as error:
        train(ms.load_spec(changed(callbacks=["TensorBoard"])), Path("run"))
    assert code(error) == "MS724"
    assert not Path("run").exists()


# Files that change --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["deleted", "truncated"])
@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_data_that_go_during_a_run_hurt_nobody(
    undisturbed: Run, cache: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are gone through once, before a run begins, and lie in memory or in the cache then."""

    def harm() -> None:
        for name in ("d.npz", "x.npy", "y.npy"):
            Path(name).unlink() if how == "deleted" else os.truncate(name, 100)

    monkeypatch.setattr(held_arrays, "_SMALL", 0)
    monkeypatch.setenv("MODELSPEC_CACHE", "cache")
    spec = {**SPEC, "data": {**ON_DISK, "cache": cache}}
    assert_same(train(ms.load_spec(spec), Path("run"), watcher=At(6, harm)), undisturbed)


ON_DISK = {
    "source": {"npy": {"x": "x.npy", "y": "y.npy"}},
    "inputs": {"x": "x"},
    "targets": {"price": "y"},
}


def test_a_cache_that_is_cut_short_ends_the_run_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut() -> None:
        for path in Path("cache").glob("*/*.npy"):
            os.truncate(path, 200)

    monkeypatch.setattr(held_arrays, "_SMALL", 0)
    monkeypatch.setenv("MODELSPEC_CACHE", "cache")
    spec = {
        **changed(epochs=1000),
        "data": {**ON_DISK, "cache": "disk"},
    }  # more than is read in advance
    with pytest.raises(RunError, match="was truncated") as error:
        train(ms.load_spec(spec), Path("run"), watcher=At(6, cut))
    assert code(error) == "MS707"
    assert outcome() == "failed"


def test_data_that_are_others_when_a_run_goes_on_are_refused(undisturbed: Run) -> None:
    with pytest.raises(Killed):
        train(ms.load_spec(SPEC), Path("run"), watcher=At(6, die, Path("run")))
    write_data(seed=1)
    with pytest.raises(RunError) as error:
        resume("run")
    assert code(error) == "MS720"
    assert error.value.diagnostics[0].notes[0].message.startswith("data: train, sha256")
    write_data()
    assert_same(resume("run"), undisturbed)


def test_other_weights_to_start_from_are_refused_while_they_matter(undisturbed: Run) -> None:
    shutil.copy(undisturbed.directory / "model.keras", "good.keras")
    spec = changed(weights="good.keras", checkpoint="1 hour")
    whole = train(ms.load_spec(spec), Path("whole"))
    with pytest.raises(Killed):
        train(ms.load_spec(spec), Path("run"), watcher=At(3, die))
    shutil.copy("whole/model.keras", "good.keras")
    with pytest.raises(RunError) as error:
        resume("run")
    assert code(error) == "MS720"
    assert [note.message.split()[:2] for note in error.value.diagnostics[0].notes] == [
        ["weights:", "good.keras"]
    ]
    shutil.copy(undisturbed.directory / "model.keras", "good.keras")
    assert_same(resume("run"), whole)
    with pytest.raises(Killed):
        train(
            ms.load_spec(changed(weights="good.keras")),
            Path("saved"),
            watcher=At(6, die, Path("saved")),
        )
    Path("good.keras").unlink()
    assert_same(resume("saved"), whole)


# Other choices ------------------------------------------------------------------------------------


def test_one_thing_that_is_not_as_it_was_is_named() -> None:
    with pytest.raises(Killed):
        train(ms.load_spec(SPEC), Path("run"), watcher=At(6, die, Path("run")))
    for path, value, named in (
        ("seed", 6, "seed"),
        ("training.optimizer", "SGD", "training.optimizer"),
        ("training.loss", "mae", "training.loss"),
        ("training.batch_size", 4, "training.batch_size"),
        ("runtime.deterministic", False, "runtime.deterministic"),
    ):
        with pytest.raises(RunError) as error:
            resume("run", {path: value})
        assert code(error) == "MS720"
        assert error.value.diagnostics[0].notes[0].message.startswith(named), path


# Locks and clocks ---------------------------------------------------------------------------------

_STARTS = """
import contextlib, importlib, io, json, os, sys, time
from modelspec.cli import main
importlib.import_module("modelspec.cli.commands.train")
training = importlib.import_module("modelspec.runtime.run.train")  # not the function of that name

def start(folder, began, answer):
    def runs(*arguments, **settings):  # the data are read; next would be the framework
        while not os.path.exists(f"{folder}.done"):
            time.sleep(0.001)
        os._exit(0)

    training.make_loop = runs
    while time.time() < began:
        pass
    said, status = io.StringIO(), 0
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main(["train", "spec.json", "--run-dir", folder])
        except SystemExit as end:
            status = end.code
    took = time.time() - began
    with open(answer, "w") as file:
        json.dump([status, said.getvalue(), "tensorflow" in sys.modules or "keras" in sys.modules, took], file)
    open(f"{folder}.done", "w").close()
    os._exit(0)

for number in range(5):
    began = time.time() + 0.05
    for one in range(2):
        if os.fork() == 0:
            start(f"run{number}", began, f"answer{number}-{one}")
    for one in range(2):
        os.wait()
"""


def test_of_two_starts_at_once_exactly_one_runs() -> None:
    """One that does not run says so; one that does waits for that, and would load the framework
    next.
    """
    Path("spec.json").write_text(json.dumps(SPEC))
    subprocess.run(
        [sys.executable, "-c", _STARTS],
        check=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(Path(ms.__file__).parent.parent)},
    )
    for number in range(5):
        (answer,) = Path().glob(f"answer{number}-*")
        status, said, loaded, _ = json.loads(answer.read_text())
        assert (status, loaded) == (3, False), said
        assert re.search(rf"MS702\W.*another process \(\d+\) is writing `run{number}`", said), said
        assert "Traceback" not in said


def test_a_lock_that_somebody_left_behind_locks_nothing() -> None:
    RunFolder.create("a", Path("run")).close()
    Path("run", LOCK).write_text(
        str(os.getppid())
    )  # a process that is there, and has nothing to do with it
    assert not is_written(Path("run"))
    RunFolder.reopen(Path("run")).close()


def test_a_clock_that_jumps_changes_nothing(
    undisturbed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(10**9, 0, -86_400))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    with pytest.raises(Killed):
        train(ms.load_spec(SPEC), Path("run"), watcher=At(9, die, Path("run")))
    saved = Store(Path("run/checkpoints")).committed()
    for age, path in enumerate(saved):
        os.utime(path, (10**9 - age * 86_400,) * 2)
    found = Store(Path("run/checkpoints")).latest()
    assert found is not None and found.path == saved[-1]
    done = resume("run")
    assert_same(done, undisturbed)
    rows = (done.directory / "history.csv").read_text().splitlines()[1:]
    assert all(0 <= float(row.rpartition(",")[2]) < 3600 for row in rows)
