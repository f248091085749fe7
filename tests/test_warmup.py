"""Learning rates with a warm-up: what is refused, and the rate of every step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

TENSORFLOW = pytest.mark.tensorflow
ROWS, BATCH = 10, 4
OF_EPOCH = 3


def spec(kind: str, epochs: int = 4, **settings: Any) -> dict[str, Any]:
    return {
        "model": {"inputs": {"x": [2]}, "layers": [{"Dense": {"units": 1, "name": "d"}}]},
        "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"d": "y"}},
        "training": {
            "loss": "mse",
            "epochs": epochs,
            "batch_size": BATCH,
            "optimizer": {"Adam": {"learning_rate": {kind: settings}}},
        },
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy as np

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2)).astype("float32")
    np.savez("d.npz", x=x, y=x.sum(axis=1, keepdims=True))
    return tmp_path


@pytest.mark.parametrize("kind", ["WarmupLinear", "WarmupCosine"])
@pytest.mark.parametrize(
    "settings",
    [
        {"warmup": 0},
        {"warmup": 10, "steps": 100},
        {"warmup": "10 steps"},
        {"warmup": "1.5 epochs", "steps": "20 epochs"},
        {"warmup": "12.5%", "end_learning_rate": 1e-5, "initial_learning_rate": 1e-6},
    ],
)
def test_a_warm_up_checks_clean(kind: str, settings: dict[str, Any]) -> None:
    report = ms.check({**spec(kind, learning_rate=0.01, **settings)})
    assert [one.code for one in report.diagnostics if one.severity == "error"] == []


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({}, "MS203", "warmup"),
        ({"warmup": -1}, "MS205", "steps or epochs"),
        ({"warmup": 0.1}, "MS204", "share"),
        ({"warmup": "100%"}, "MS205", "100%"),
        ({"warmup": "soon"}, "MS205", "2 epochs"),
        ({"warmup": "1.5 steps"}, "MS205", "2 epochs"),
        ({"warmup": 5, "steps": "50%"}, "MS205", "epochs"),
        ({"warmup": 5, "steps": 0}, "MS205", "at least 1"),
        ({"warmup": 100, "steps": 100}, "MS208", "leaves no step"),
        ({"warmup": "3 epochs", "steps": "2 epochs"}, "MS208", "leaves no step"),
    ],
)
def test_a_warm_up_that_does_not_fit_is_refused(
    settings: dict[str, Any], code: str, words: str
) -> None:
    report = ms.check({**spec("WarmupLinear", learning_rate=0.01, **settings)})
    (found,) = report.diagnostics
    assert found.code == code and words in found.message


def expected(
    kind: str, step: int, rising: int, every: int, highest: float, first: float, last: float
) -> float:
    """The rate by the definition, in Python's floats."""
    if step < rising:
        return first + (highest - first) * step / rising
    part = min(1.0, (step - rising) / (every - rising))
    left = 1 - part if kind == "WarmupLinear" else (1 + math.cos(math.pi * part)) / 2
    return last + (highest - last) * left


@pytest.mark.parametrize(
    ("settings", "settled"),
    [
        ({"warmup": 5, "steps": 20}, (20, 0.0)),
        ({"warmup": "1 epoch", "steps": 20, "end_learning_rate": 0.01}, (20, 0.01)),
        ({"warmup": "25%", "steps": 20, "end_learning_rate": 0.5}, (5, 0.5)),
        ({"warmup": 5, "end_learning_rate": 0.5, "initial_learning_rate": 0.5}, (0, 0.5)),
        ({"warmup": 5}, None),
        ({"warmup": "25%", "end_learning_rate": 0.5}, None),
    ],
)
def test_the_step_from_which_the_rate_is_constant(
    settings: dict[str, Any], settled: tuple[int, float] | None
) -> None:
    from modelspec.catalog.components import SCHEDULES
    from modelspec.catalog.components.family import read_component
    from modelspec.core.settings import Context

    given: Any = {"WarmupCosine": {"learning_rate": 0.5, **settings}}
    found: Any = read_component(SCHEDULES, given, Context())
    assert found.settled == settled


@TENSORFLOW
@pytest.mark.parametrize("kind", ["WarmupLinear", "WarmupCosine"])
@pytest.mark.parametrize(
    ("warmup", "steps", "rising", "every"),
    [(4, 20, 4, 20), ("2 epochs", None, 6, 12), ("25%", "5 epochs", 4, 15), (0, None, 0, 12)],
)
def test_the_rate_of_every_step(
    kind: str, warmup: Any, steps: Any, rising: int, every: int
) -> None:
    import numpy as np

    from modelspec.runtime.backend.formula_schedule import set_epoch

    rates: dict[str, Any] = {
        "learning_rate": 0.3,
        "initial_learning_rate": 0.01,
        "end_learning_rate": 0.02,
    }
    given = {**spec(kind, warmup=warmup, steps=steps, **rates)}
    model = ms.load_spec(given).build()
    set_epoch(model.optimizer, OF_EPOCH, 4 * OF_EPOCH)
    schedule = model.optimizer._learning_rate
    found = [float(schedule(step)) for step in range(24)]
    wanted = [expected(kind, step, rising, every, 0.3, 0.01, 0.02) for step in range(24)]
    assert np.allclose(found, wanted, rtol=2e-7, atol=0)


@TENSORFLOW
def test_cosine_is_that_of_keras() -> None:
    import keras
    import numpy as np

    given = spec("WarmupCosine", learning_rate=0.3, warmup=5, steps=25)
    found = ms.load_spec({**given}).build().optimizer._learning_rate
    other = keras.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.3, warmup_steps=5)
    rates = [[float(one(step)) for step in range(30)] for one in (found, other)]
    assert np.allclose(rates[0], rates[1], rtol=1e-5, atol=1e-8)


@TENSORFLOW
def test_without_a_training_the_length_is_not_known() -> None:
    given = {**spec("WarmupCosine", learning_rate=0.3, warmup="10%")}
    schedule = ms.load_spec(given).build().optimizer._learning_rate
    assert float(schedule(0)) == float(schedule(10**6)) == pytest.approx(0.3)


@TENSORFLOW
def test_a_run_a_resumed_run_and_a_script_have_these_rates(folder: Path) -> None:
    import runpy

    import keras
    import numpy as np

    from modelspec.runtime.exporters.export_run import export

    given = spec("WarmupCosine", learning_rate=0.3, warmup="25%", steps="4 epochs")
    wanted = [expected("WarmupCosine", step, 3, 12, 0.3, 0, 0) for step in range(12)]
    whole = ms.load_spec(given).train(run_dir="whole")
    assert np.allclose(whole.history["learning_rate"], wanted[2::3], rtol=1e-6)
    half = {**given, "training": {**given["training"], "epochs": 2}}
    ms.load_spec(half).train(run_dir="half")
    rest = ms.resume("half", {"training.epochs": 4})
    assert whole.history["learning_rate"] == rest.history["learning_rate"]
    for one, other in zip(whole.model.weights, rest.model.weights, strict=True):
        assert np.array_equal(one, other)
    made = export(folder / "whole", "python", folder / "made.py").path
    assert "modelspec" not in made.read_text()
    names = runpy.run_path(str(made))
    data = np.load("d.npz")
    model = names["train"](data["x"], data["y"])
    schedule = model.optimizer._learning_rate
    found = [float(keras.ops.convert_to_numpy(schedule(step))) for step in range(12)]
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-9)
