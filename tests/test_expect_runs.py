"""Expectations of a run: decided when it ends, by `train`, `resume` and `evaluate`, and written where
other programs read them.
"""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.runtime.history import read_record
from modelspec.runtime.run.events import Epoch, Watcher

pytestmark = pytest.mark.tensorflow
EPOCHS = 3


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes far apart, and a column with the island of each row."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["a,b,island,kind"]
    for number in range(400):
        kind = number % 2
        a, b = rng.normal(loc=4 * kind - 2, scale=0.5, size=2)
        island = ("Dream", "Biscoe")[number // 200]
        lines.append(f"{a:.4f},{b:.4f},{island},{kind}")
    Path("t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def written(expect: dict[str, Any], **training: Any) -> str:
    """A spec with these expectations, in a file."""
    spec = {
        "seed": 3,
        "model": {
            "inputs": {"x": [2]},
            "layers": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": 1}],
        },
        "data": {
            "source": {"csv": "t.csv"},
            "split": {"validation": 0.2, "test": 0.2},
            "slices": ["island"],
            "inputs": {"x": {"columns": ["a", "b"]}},
            "targets": {"column": "kind"},
        },
        "training": {
            "loss": {"BinaryCrossentropy": {"from_logits": True}},
            "metrics": [{"BinaryAccuracy": {"threshold": 0.0, "name": "right"}}],
            "optimizer": {"Adam": 0.05},
            "epochs": EPOCHS,
            "batch_size": 8,
            **training,
        },
        "expect": expect,
    }
    Path("spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return "spec.yaml"


def command(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("run/metrics.json").read_text())
    return found


MET = {
    "parameters": "<= 33",
    "test_right": ">= 0.9",
    "test_right@island=Dream": ">= 0.8",
    "val_loss": {"best": "< 0.5", "mean": "< 1"},
    "train_right": ">= 50%",
    "size": "<= 1 MB",
    "epochs": f"== {EPOCHS}",
}


def test_expectations_that_hold_end_with_0_and_are_written_down() -> None:
    """The measured numbers are those of the files that the run wrote."""
    done = command("train", written(MET), "--run-dir", "run")
    assert done.exit_code == 0, done.output
    found = stored()
    with Path("run/history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["val_loss"]) for row in rows]
    measured = {key: one["measured"] for key, one in found["expect"].items()}
    assert measured == {
        "parameters": 2 * 8 + 8 + 8 + 1,
        "test_right": found["test"]["right"],
        "test_right@island=Dream": found["slices"]["test_right@island=Dream"],
        "val_loss.best": min(losses),
        "val_loss.mean": pytest.approx(sum(losses) / EPOCHS),
        "train_right": float(rows[-1]["right"]),
        "size": Path("run/model.keras").stat().st_size,
        "epochs": EPOCHS,
    }
    assert all(one["holds"] is True and one["margin"] >= 0 for one in found["expect"].values())
    assert "test_right" in done.output and "+" in done.output

    record = read_record(Path("run")).value
    assert record is not None and record.expectations == found["expect"]
    assert ms.open_run("run").expectations == found["expect"]
    assert command("resume", "run").exit_code == 0


def test_an_expectation_that_does_not_hold_ends_with_4() -> None:
    """So does each look at the run afterwards; `evaluate` shows those of its part."""
    spec = written({**MET, "test_loss": "< 1e-9", "val_loss": {"last": "< 1e-9"}})
    done = command("train", spec, "--run-dir", "run")
    assert done.exit_code == 4, done.output
    found = stored()["expect"]
    assert [key for key, one in found.items() if not one["holds"]] == [
        "val_loss.last",
        "test_loss",
    ]
    assert found["test_loss"]["margin"] == pytest.approx(1e-9 - stored()["test"]["loss"])
    assert json.loads(Path("run/manifest.json").read_text())["outcome"] == "completed"

    again = command("resume", "run")
    assert again.exit_code == 4 and "test_loss" in again.output
    assert ms.open_run("run").expectations == found
    assert "test_loss" in command("runs", "run").output

    told = json.loads(command("evaluate", "run", "--format", "json").output)
    assert {key: one["holds"] for key, one in told["expect"].items()} == {
        "test_right": True,
        "test_right@island=Dream": True,
        "test_loss": False,
    }
    assert "val_loss" not in command("evaluate", "run").output
    quiet = command("resume", "run", "--quiet")
    assert quiet.exit_code == 4 and "test_right" not in quiet.output


def test_training_time_warns_unless_it_is_strict() -> None:
    spec = written({"seconds": "<= 0.001"}, epochs=1)
    done = command("train", spec, "--run-dir", "run")
    assert done.exit_code == 0 and "warning" in done.output
    assert stored()["expect"]["seconds"]["severity"] == "warning"
    assert command("resume", "run", "--strict-time").exit_code == 4


def test_a_baseline_is_a_file_beside_the_spec() -> None:
    """Without it nothing fails, unless it is required: then nothing is trained."""
    spec = written({"test_loss": "<= baseline + 0.01"}, epochs=1)
    refused = command("train", spec, "--run-dir", "run", "--require-baseline")
    assert refused.exit_code == 1 and "MS811" in refused.output
    assert not Path("run").exists()
    done = command("train", spec, "--run-dir", "run")
    assert done.exit_code == 0 and "warning[MS811]" in done.output
    one = stored()["expect"]["test_loss"]
    assert (one["holds"], one["undecided"]) == (None, "baseline")

    loss = stored()["test"]["loss"]
    for base, status in ((loss, 0), (loss - 0.02, 4)):
        baseline(base)
        again = command("resume", "run", "--require-baseline")
        assert again.exit_code == status, again.output
        assert "MS811" not in again.output


def baseline(loss: float) -> None:
    """An accepted run with this loss."""
    path = Path("baselines/spec.json")
    path.parent.mkdir(exist_ok=True)
    values = {
        "format": 1,
        "name": "spec",
        "spec": "spec.yaml",
        "run": "runs/spec/1",
        "metrics": {"test_loss": loss},
        "fingerprint": None,
        "seeds": [],
    }
    path.write_text(json.dumps(values), encoding="utf-8")


class Interrupting(Watcher):
    """Asks the run to stop after an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def epoch(self, epoch: Epoch) -> None:
        if epoch.number == self.after:
            signal.raise_signal(signal.SIGTERM)


def test_a_run_that_is_resumed_is_judged_as_one_that_was_not() -> None:
    """What is taken over the epochs has those of before the stop."""
    from modelspec.runtime.run import Interrupted, train

    expect = {"val_loss": {"best": "< 1e-9", "mean": "< 5"}, "test_right": ">= 0.5"}
    spec = ms.load_spec(written(expect))
    whole = spec.train("whole")
    with pytest.raises(Interrupted):
        train(spec, Path("run"), watcher=Interrupting(after=1))
    assert ms.open_run("run").expectations == {}
    done = command("resume", "run")
    assert done.exit_code == 4, done.output
    assert stored()["expect"] == whole.expectations
    assert whole.expectations["val_loss.best"]["holds"] is False


def test_expectations_may_change_while_a_run_is_stopped() -> None:
    """No number of the run follows from them."""
    from modelspec.runtime.run import Interrupted, train

    with pytest.raises(Interrupted):
        train(
            ms.load_spec(written({"test_right": ">= 0.5"})),
            Path("run"),
            watcher=Interrupting(after=1),
        )
    done = command("resume", "run", "--set", "expect.test_right=> 0.1")
    assert done.exit_code == 0, done.output
    assert stored()["expect"]["test_right"]["expected"] == "> 0.1"


def test_sizes_that_the_data_give_are_decided_before_anything_is_trained() -> None:
    """At the line of the expectation, by `check --data` and by `train`."""
    text = Path(written({"parameters": "<= 32"})).read_text()
    assert command("check", "spec.yaml").exit_code == 1
    Path("spec.yaml").write_text(text.replace("x:\n    - 2", "x: [auto]"), encoding="utf-8")
    assert command("check", "spec.yaml").exit_code == 0
    for words in (["check", "--data", "spec.yaml"], ["train", "spec.yaml", "--run-dir", "run"]):
        done = command(*words)
        assert done.exit_code == 1 and "MS810" in done.output, done.output
    assert not Path("run").exists()


def test_a_run_stays_readable_when_its_model_is_counted_differently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A later version may count more memory than was expected: the run is one all the same."""
    from modelspec.compiler.infer import memory

    command("train", written({"memory": "<= 1 MB"}, epochs=1), "--run-dir", "run")
    monkeypatch.setattr(memory.Memory, "total", property(lambda one: 10**9))
    run = ms.open_run("run")
    assert run.expectations["memory"]["holds"] is False


@pytest.mark.parametrize("target", [{}, {"transform": [{"Rescaling": {"scale": 0.01}}]}])
def test_metrics_in_the_unit_of_the_column_are_expected_where_a_run_has_them(
    target: dict[str, Any],
) -> None:
    """What `check` takes for measured is measured, and what it refuses is not."""
    spec = yaml.safe_load(Path(written({})).read_text())
    spec["data"]["targets"] = {"column": "a", **target}
    spec["training"] |= {"loss": "mse", "metrics": ["mae"], "epochs": 1}
    spec["expect"] = {"test_original_mae": "<= 1000"}
    read = ms.check(spec)
    del spec["expect"]
    run = ms.load_spec(spec).train("run")
    assert read.ok == ("original_mae" in run.by_part["test"])
