"""Numbers that go wrong: found at the step where they do, named, and dealt with as `on_nan`
says.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.run import Run, RunError, Watcher, resume, train
from modelspec.runtime.run.checkpoints import Store

pytestmark = pytest.mark.tensorflow

BAD = 37
"""The example whose numbers are too large."""
SPEC: dict[str, Any] = {
    "seed": 3,
    "model": {
        "inputs": {"x": [2]},
        "layers": [
            {"BatchNormalization": {"name": "norm"}},
            {"Dense": {"units": 4, "name": "calm"}},
            {"Dropout": 0.2},
            {"Dense": {"units": 1, "name": "price"}},
        ],
    },
    "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"price": "y"}},
    "training": {
        "optimizer": {"Adam": 0.01},
        "loss": "mse",
        "metrics": ["mae"],
        "epochs": 3,
        "batch_size": 8,
        "checkpoint": {"every": "3 steps", "keep": 2},
    },
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write()


def write(x: float = 1.0, y: float = 1.0) -> None:
    """64 examples, one of them so many times as large."""
    rng = np.random.default_rng(0)
    inputs, targets = (
        rng.normal(size=(64, 2)).astype("float32"),
        rng.normal(size=64).astype("float32"),
    )
    inputs[BAD] *= np.float32(x)
    targets[BAD] = np.float32(y)
    np.savez("d.npz", x=inputs, y=targets)


def where() -> tuple[int, int]:
    """The step (from 1) of the first epoch that has the example, and that of the second."""
    from modelspec.runtime.data.batches import order

    first, second = (list(order(3, epoch, 64)).index(BAD) // 8 + 1 for epoch in (0, 1))
    return first, second


def refused(spec: Any) -> tuple[str, str]:
    with pytest.raises(RunError) as error:
        train(ms.load_spec(spec), Path("run"))
    found = error.value.diagnostics[0]
    assert found.code == "MS706"
    return found.message, "\n".join(note.message for note in found.notes)


class Heard(Watcher):
    def __init__(self, kill_after: int | None = None) -> None:
        self.codes: list[str] = []
        self.kill_after = kill_after
        self.wants_steps = kill_after is not None

    def warned(self, diagnostics: Any) -> None:
        self.codes += [one.code for one in diagnostics]

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if (epoch - 1) * 8 + step >= (self.kill_after or 0):
            raise KeyboardInterrupt


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("run/manifest.json").read_text())
    return found


def assert_finite(tensors: Any) -> None:
    assert tensors
    assert all(np.isfinite(value).all() for value in tensors.values() if value.dtype.kind == "f")


def test_the_step_the_batch_and_the_first_layer_are_named_and_the_checkpoint_is_good() -> None:
    write(x=1e4)
    layers = [
        {"Dense": {"units": 4, "name": "calm", "kernel_initializer": "ones"}},
        {
            "Dense": {
                "units": 2,
                "activation": "exponential",
                "kernel_initializer": "ones",
                "name": "boom",
            }
        },
        {"Dense": {"units": 1, "name": "price"}},
    ]
    message, notes = refused({**SPEC, "model": {**SPEC["model"], "layers": layers}})
    step = where()[0]
    assert f"in step {step} of epoch 1" in message
    assert "first appears in the layer `boom`" in notes
    assert "its examples are " in notes
    assert not Path("run/model.keras").exists()
    found = Store(Path("run/checkpoints")).latest()
    assert (
        found is None if step <= 3 else found is not None and found.position == (step - 1) // 3 * 3
    )
    assert manifest()["outcome"] == "failed"


def test_a_loss_that_is_infinite_alone_is_told_to_be_the_loss() -> None:
    write(y=1e30)
    message, notes = refused(SPEC)
    assert message.startswith(f"`loss` became infinite in step {where()[0]} of epoch 1")
    assert "it first appears in the loss" in notes


def test_a_weight_that_an_update_makes_infinite_is_found_though_loss_and_gradients_are_numbers() -> (
    None
):
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.normal(size=(64, 2)).astype("float32"), y=np.full(64, 1e4, "float32"))
    message, _ = refused({**SPEC, "training": {**SPEC["training"], "optimizer": {"SGD": 1e38}}})
    assert "the weight `" in message
    assert "of epoch 1" in message


@pytest.mark.parametrize("on_nan", ["skip", "restore"])
def test_a_batch_that_is_left_out_leaves_no_trace_and_the_run_goes_on_exactly(on_nan: str) -> None:
    write(y=1e30)
    spec = {**SPEC, "training": {**SPEC["training"], "on_nan": on_nan}}
    heard = Heard()
    whole = train(ms.load_spec(spec), Path("run"), watcher=heard)
    assert heard.codes == ["MS721"] * 3
    left_out = manifest()["left_out"]
    assert [epoch for epoch, _ in left_out] == [1, 2, 3]
    assert tuple(step for _, step in left_out[:2]) == where()
    assert all(math.isfinite(value) for values in whole.history.values() for value in values)
    assert all(np.isfinite(one.numpy()).all() for one in whole.model.variables)

    place = 8 + where()[1] + (0 if where()[1] == 8 else 1)  # just after it, in the second epoch
    with pytest.raises(KeyboardInterrupt):
        train(ms.load_spec(spec), Path("again"), watcher=Heard(place))
    again: Run = resume("again")
    assert again.history == whole.history
    for mine, its in zip(again.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())


def test_what_a_skipped_batch_would_have_changed_is_as_before() -> None:
    """Statistics and metrics too: an epoch of one batch that is left out has the loss of no
    batch.
    """
    write(x=1e30, y=1.0)
    spec = {
        **SPEC,
        "training": {**SPEC["training"], "on_nan": "skip", "batch_size": 64, "epochs": 2},
    }
    before = ms.load_spec(spec).build()
    done = train(ms.load_spec(spec), Path("run"))
    assert done.history["loss"] == [0.0, 0.0]
    assert int(done.model.optimizer.iterations) == 0
    for one, other in zip(before.weights, done.model.weights, strict=True):
        assert np.isfinite(other.numpy()).all()
        if "moving" in one.path:
            np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_ten_in_a_row_are_borne_and_no_more() -> None:
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.normal(size=(64, 2)).astype("float32"), y=np.full(64, 1e30, "float32"))
    message, notes = refused({**SPEC, "training": {**SPEC["training"], "on_nan": "skip"}})
    assert "in step 3 of epoch 2" in message  # 8 steps and 3
    assert "gives up after 10" in notes
    assert len(manifest()["left_out"]) == 10


def test_checkpoints_hold_finite_numbers_only() -> None:
    write(y=1e30)
    with pytest.raises(RunError):
        train(ms.load_spec(SPEC, {"training.checkpoint": "1 steps"}), Path("run"))
    found = Store(Path("run/checkpoints")).latest()
    if where()[0] > 1:
        assert found is not None
        assert_finite(found.tensors())
