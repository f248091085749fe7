"""`jit: auto` in trainings: what is measured leaves no trace, and what is chosen holds for a resumed
run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError
from modelspec.runtime.run import Run, Watcher, resume, train
from modelspec.runtime.run.pacing import Pace
from modelspec.runtime.run.xla_measurement import Measured

pytestmark = pytest.mark.tensorflow

STEP = 4
"""The number of steps after which these trainings choose."""
SPEC: dict[str, Any] = {
    "seed": 3,
    "model": {
        "inputs": {"x": [3]},
        "layers": [
            {"Dense": {"units": 4, "activation": "relu"}},
            {"Dropout": 0.5},
            {"Dense": {"units": 1, "name": "y"}},
        ],
    },
    "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"y": "y"}},
    "training": {
        "optimizer": {"SGD": 0.01},
        "loss": "mse",
        "metrics": ["mae"],
        "epochs": 6,
        "batch_size": 8,
        "checkpoint": {"every": "3 steps"},
    },
    "runtime": {"deterministic": False},
}


class Killed(BaseException):
    pass


class Killer(Watcher):
    """Ends a run after a step of its second epoch, before the checkpoint that is due."""

    wants_steps = True

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if (epoch, step) == (2, 3):
            raise Killed


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(24)


def write_data(rows: int) -> None:
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    np.savez("d.npz", x=x, y=x.sum(1))


@pytest.fixture
def choosing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Trainings measure at a certain step, however fast they are."""
    from modelspec.runtime.run.xla_switch import XlaSwitch

    calls: dict[int, int] = {}

    def took(pace: Pace, steps: int, seconds: float) -> None:
        calls[id(pace)] = calls.get(id(pace), 0) + steps
        pace.each = 1.0 if calls[id(pace)] >= STEP else None

    monkeypatch.setattr(Pace, "took", took)
    monkeypatch.setattr(XlaSwitch, "_pays", lambda *given: True)
    return monkeypatch


def trained(directory: str, watcher: Watcher | None = None, **runtime: Any) -> Run:
    spec: dict[str, Any] = {**SPEC, "runtime": {**SPEC["runtime"], **runtime}}
    if watcher is not None:  # XLA compiles fewer operations faster
        layers = [{"Dense": {"units": 1, "name": "y"}}]
        spec |= {"model": {**SPEC["model"], "layers": layers}}
        spec |= {
            "training": {key: one for key, one in SPEC["training"].items() if key != "metrics"}
        }
    return train(ms.load_spec(spec), Path(directory), watcher=watcher)


def execution(directory: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(directory, "manifest.json").read_text())["execution"]
    return found


def assert_same(one: Run, other: Run) -> None:
    assert one.history == other.history
    assert one.metrics == other.metrics
    pairs = zip(one.model.variables, other.model.variables, strict=True)
    assert all(np.array_equal(mine.numpy(), its.numpy()) for mine, its in pairs)


def test_a_measurement_and_a_refusal_of_xla_leave_no_trace(
    choosing: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import keras
    import tensorflow as tf

    write_data(20)  # the last batch of an epoch is short
    without = trained("without", jit=False)
    assert "jit" not in execution("without")
    with choosing.context() as patched:
        patched.setattr(Measured, "pays", lambda *given: False)
        assert_same(trained("measured"), without)
    [found] = execution("measured")["jit"]
    assert (found["why"], found["step"], found["xla"]) == ("measured", STEP, False)
    assert found["compile_seconds"] > 0
    plain = keras.layers.Dropout.call

    def call(layer: Any, inputs: Any, training: bool = False) -> Any:
        outputs = plain(layer, inputs, training=training)
        zero = tf.py_function(lambda one: one * 0, [outputs], outputs.dtype)
        return outputs + tf.stop_gradient(tf.ensure_shape(zero, outputs.shape))

    choosing.setattr(keras.layers.Dropout, "call", call)
    capfd.readouterr()
    assert_same(trained("refused"), without)
    assert [one["why"] for one in execution("refused")["jit"]] == ["refused"]
    assert execution("refused")["xla"] is False
    assert "PyFunc" not in capfd.readouterr().err
    with pytest.raises(RunError):
        trained("demanded", jit=True)


def test_a_killed_run_continues_with_xla_from_the_same_step(choosing: pytest.MonkeyPatch) -> None:
    choosing.setattr(Measured, "pays", lambda *given: True)
    whole = trained("whole", Watcher())
    [found] = execution("whole")["jit"]
    assert (found["step"], found["xla"], execution("whole")["xla"]) == (STEP, True, True)
    with pytest.raises(Killed):
        trained("killed", Killer())
    chosen = execution("killed")["jit"]
    assert chosen[0]["step"] == STEP
    choosing.setattr(Measured, "pays", lambda *given: False)  # it is not measured again
    assert_same(resume("killed"), whole)
    assert execution("killed")["jit"] == chosen
    assert execution("killed")["xla"] is True


def test_nothing_is_measured_where_it_cannot_pay() -> None:
    trained("short")
    [found] = execution("short")["jit"]
    assert (found["why"], "compile_seconds" in found) == ("short", False)
    trained("equal", deterministic=True)
    assert [one["why"] for one in execution("equal")["jit"]] == ["deterministic"]
