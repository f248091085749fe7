"""`modelspec sweep` from the command line, with trainings: files, reuse, kills, signals, statuses,
folds, and the winner.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from .sweeps import spec
from .tools import kill_sweeps

pytestmark = pytest.mark.tensorflow

SEARCH = """
objective: {minimize: val_loss}
trials: 3
sampler: random
parameters:
  vars.units: [2, 4]
  training.optimizer.Adam.learning_rate: {log_uniform: [1e-3, 1e-1]}
"""


def modelspec(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a project."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "modelspec", *words],
        cwd=folder,
        env=kill_sweeps.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def trials(folder: Path, sweep: str = "sweep-1") -> list[dict[str, Any]]:
    found = json.loads((folder / "runs/small" / sweep / "trials.json").read_text())
    return list(found["trials"])


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished sweep of three trials."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "small.yaml").write_text(spec(SEARCH))
    done = modelspec(folder, "sweep", "small.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("completed") >= 3
    return folder


def test_each_trial_is_a_run_and_the_best_one_is_the_smallest(searched: Path) -> None:
    sweep = searched / "runs/small/sweep-1"
    found = trials(searched)
    assert [one["state"] for one in found] == ["completed"] * 3
    for one in found:
        run = sweep / str(one["number"])
        metrics = json.loads((run / "metrics.json").read_text())
        assert one["objectives"] == [metrics["validation"]["loss"]]
        assert (
            f"learning_rate: {one['values']['training.optimizer.Adam.learning_rate']}"
            in (run / "resolved.yaml").read_text()
        )
        assert "sweep:" not in (run / "resolved.yaml").read_text()
    best = min(found, key=lambda one: one["objectives"])
    assert json.loads((sweep / "trials.json").read_text())["best"] == best["number"]
    rows = list(csv.DictReader((sweep / "trials.csv").open()))
    assert [float(row["val_loss"]) for row in rows] == [one["objectives"][0] for one in found]


def test_optuna_and_its_dashboard_open_the_storage(searched: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = searched / "runs/small/sweep-1/journal.log"
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.load_study(study_name="small-sweep-1", storage=storage)
    best = min(trials(searched), key=lambda one: one["objectives"])
    assert (study.best_trial.number, [study.best_value]) == (best["number"], best["objectives"])
    assert study.best_params == best["values"]


def test_a_finished_sweep_is_shown_and_not_run_again(searched: Path) -> None:
    before = trials(searched)
    again = modelspec(searched, "sweep", "small.yaml", "--format", "json")
    shown = modelspec(searched, "sweep", "small.yaml", "--show", "--format", "json")
    assert (again.returncode, shown.returncode) == (0, 0)
    assert json.loads(again.stdout) == json.loads(shown.stdout)
    assert trials(searched) == before
    assert not (searched / "runs/small/sweep-2").exists()


def test_a_fresh_sweep_reuses_runs_with_the_same_resolved_spec(searched: Path) -> None:
    done = modelspec(searched, "sweep", "small.yaml", "--fresh")
    assert done.returncode == 0, done.stderr
    first, second = trials(searched), trials(searched, "sweep-2")
    kept = ("values", "objectives", "curve")
    assert [[one[key] for key in kept] for one in first] == [
        [one[key] for key in kept] for one in second
    ]
    assert all(one["reused"] for one in second)
    assert not list((searched / "runs/small/sweep-2").glob("*/manifest.json"))


def test_the_winner_is_trained_to_the_same_bits(searched: Path) -> None:
    done = modelspec(searched, "train", "small.yaml", "--from-sweep", "best", "--quiet")
    assert done.returncode == 0, done.stderr
    best = min(trials(searched), key=lambda one: one["objectives"])
    own = json.loads((searched / "runs/small/1/metrics.json").read_text())
    assert [own["validation"]["loss"]] == best["objectives"]
    listed = modelspec(searched, "runs", "--best", "--format", "json")
    assert json.loads(listed.stdout)[0]["best"] == best["number"]


def test_a_sweep_killed_at_random_moments_is_the_undisturbed_one(tmp_path: Path) -> None:
    """Values, states, curves and objectives of all trials, and the weights of the best one."""
    settings = {"trials": 4, "epochs": 12, "sampler": "tpe", "pruner": "{asha: {min_epochs: 3}}"}
    whole = kill_sweeps.written(tmp_path / "whole", **settings)  # type: ignore[arg-type]
    broken = kill_sweeps.written(tmp_path / "broken", **settings)  # type: ignore[arg-type]
    assert kill_sweeps.run(whole) == 0
    begun = broken / "runs/iris/sweep-1"
    for trial in (0, 2):  # in the training of a trial, at a checkpoint
        process = subprocess.Popen(
            kill_sweeps.command(),
            cwd=broken,
            env=kill_sweeps.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        checkpoints = begun / str(trial) / "checkpoints"
        while process.poll() is None and not (checkpoints.is_dir() and any(checkpoints.iterdir())):
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert kill_sweeps.run(broken) == 0
    assert kill_sweeps.trials(broken) == kill_sweeps.trials(whole)
    assert kill_sweeps.best_weights(broken) == kill_sweeps.best_weights(whole)


def test_ctrl_c_leaves_a_sweep_that_continues(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(spec(SEARCH, epochs=400))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "modelspec", "sweep", "small.yaml"],
        cwd=tmp_path,
        env=kill_sweeps.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    history = tmp_path / "runs/small/sweep-1/0/history.csv"
    while process.poll() is None and not history.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 75, said
    assert "to continue: modelspec sweep small.yaml" in said
    assert trials(tmp_path)[0]["state"] == "running"
    manifest = json.loads((tmp_path / "runs/small/sweep-1/0/manifest.json").read_text())
    assert manifest["outcome"] == "interrupted"


def test_folds_give_means_out_of_fold_predictions_and_a_status(tmp_path: Path) -> None:
    text = spec(
        "parameters: {data.split.fold: all}",
        more='expect: {test_loss: {mean: "< 0.001"}}\n',
    ).replace("validation: 0.2, test: 0.2", "folds: 3, validation: 0.2, stratify: target")
    (tmp_path / "small.yaml").write_text(text)
    done = modelspec(tmp_path, "sweep", "small.yaml", "--format", "json")
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    sweep = tmp_path / "runs/small/sweep-1"
    losses = [
        json.loads((sweep / f"0/fold-{fold}/metrics.json").read_text())["test"]["loss"]
        for fold in range(3)
    ]
    mean = sum(losses) / 3
    std = (sum((one - mean) ** 2 for one in losses) / 2) ** 0.5
    assert found["folds"]["test_loss"] == pytest.approx({"mean": mean, "std": std}, rel=1e-12)
    rows = list(csv.DictReader((sweep / "oof.csv").open()))
    assert [int(row["row"]) for row in rows] == list(range(1, 151))
    # The accuracy of the predictions in the file is the mean over all rows of that of the folds.
    from sklearn.datasets import load_iris

    right = [
        int(row["species"]) == want for row, want in zip(rows, load_iris().target, strict=True)
    ]
    of_fold = {fold: [] for fold in "012"}
    for row, one in zip(rows, right, strict=True):
        of_fold[row["fold"]].append(one)
    accuracies = [
        json.loads((sweep / f"0/fold-{fold}/metrics.json").read_text())["test"]["accuracy"]
        for fold in range(3)
    ]
    assert [sum(of_fold[one]) / len(of_fold[one]) for one in "012"] == pytest.approx(accuracies)


def test_trials_that_diverge_fail_alone_and_all_of_them_is_status_3(tmp_path: Path) -> None:
    text = """
objective: {minimize: val_loss}
sampler: grid
parameters: {training.optimizer.SGD.learning_rate: [1e30, 1e32]}
"""
    own = spec(text).replace("{Adam: {learning_rate: 0.01}}", "{SGD: {learning_rate: 0.01}}")
    (tmp_path / "small.yaml").write_text(own)
    done = modelspec(tmp_path, "sweep", "small.yaml")
    assert done.returncode == 3, done.stdout + done.stderr
    assert [one["state"] for one in trials(tmp_path)] == ["failed", "failed"]
    assert all("loss" in one["fault"] for one in trials(tmp_path))


def test_two_workers_share_the_trials_and_the_threads(tmp_path: Path) -> None:
    """One of them is killed in a trial, which the other one takes over."""
    (tmp_path / "small.yaml").write_text(spec(SEARCH.replace("trials: 3", "trials: 5"), epochs=30))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "modelspec", "sweep", "small.yaml", "-j", "2"],
        cwd=tmp_path,
        env=kill_sweeps.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lock = tmp_path / "runs/small/sweep-1/1/.lock"
    history = lock.with_name("history.csv")
    while process.poll() is None and not history.exists():
        time.sleep(0.02)
    os.kill(int(lock.read_text()), signal.SIGKILL)
    said = process.communicate()
    assert process.returncode == 0, said
    found = trials(tmp_path)
    assert [one["state"] for one in found] == ["completed"] * 5
    manifests = [
        json.loads((tmp_path / f"runs/small/sweep-1/{at}/manifest.json").read_text())
        for at in range(5)
    ]
    assert manifests[1]["resumed"]
    cores = len(os.sched_getaffinity(0))
    assert {one["backend"]["intra_op_threads"] for one in manifests} == {max(1, cores // 2)}


ROWS = 48
SPLITS = """
modelspec: 1
name: NAME
seed: 1
model:
  inputs: {x: [1]}
  layers: [{Dense: {units: 1, name: y}}]
data:
  source: {csv: rows.csv}
  split: {folds: 3, validation: 0.25, SPLIT}
  inputs: {x: {column: x}}
  targets: {y: {column: x}}
training: {loss: mse, optimizer: sgd, epochs: 1, batch_size: 8}
sweep: {parameters: {data.split.fold: all}}
expect: {test_loss: {mean: ">= 0"}}
"""


def _out_of_fold(name: str, split: str) -> dict[int, int]:
    """The fold that predicted each row, from 0, of a sweep in this process."""
    import modelspec as ms

    Path(f"{name}.yaml").write_text(SPLITS.replace("NAME", name).replace("SPLIT", split))
    found = ms.load_spec(f"{name}.yaml").sweep()
    assert found.best is not None and len(found.best.folds) == 3
    rows = list(csv.DictReader((found.directory / "oof.csv").open()))
    assert len({row["row"] for row in rows}) == len(rows)
    return {int(row["row"]) - 1: int(row["fold"]) for row in rows}


def test_folds_by_group_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is in one fold; with an order, no run predicts the rows that the first one needs."""
    from click.testing import CliRunner

    from modelspec.cli import main

    monkeypatch.chdir(tmp_path)
    groups = [at % 8 for at in range(ROWS)]
    days = [(at * 29) % ROWS for at in range(ROWS)]  # 29 and 48 have no common divisor
    rows = [f"{at / ROWS},g{groups[at]},{days[at]}" for at in range(ROWS)]
    Path("rows.csv").write_text("\n".join(["x,who,day", *rows, ""]))

    folds = _out_of_fold("grouped", "group: who")
    assert sorted(folds) == list(range(ROWS))
    of_group = {groups[at]: fold for at, fold in folds.items()}
    assert all(of_group[groups[at]] == fold for at, fold in folds.items())
    assert set(of_group.values()) == {0, 1, 2}

    folds = _out_of_fold("ordered", "order: day")
    in_time = sorted(folds, key=lambda at: days[at])
    assert [folds[at] for at in in_time] == sorted(folds.values())
    assert sorted(days[at] for at in folds) == list(range(ROWS - len(folds), ROWS))
    assert set(folds.values()) == {0, 1, 2} and len(folds) < ROWS

    said = "`modelspec sweep` decides `test_loss.mean`, which trains all folds"
    trained = CliRunner().invoke(main, ["train", "grouped.yaml"])
    assert trained.exit_code == 0 and said in trained.output, trained.output
    tested = CliRunner().invoke(main, ["test", "grouped.yaml"])
    assert tested.exit_code == 0 and f"grouped.yaml: {said}" in tested.output, tested.output
