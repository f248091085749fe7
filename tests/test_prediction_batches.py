"""Predictions and evaluations compute many batches in one call of TensorFlow, and larger ones than
the training where the results cannot depend on it.
"""

from __future__ import annotations

import gc
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

ROWS = 150


def spec(**more: Any) -> dict[str, Any]:
    """A small regression of arrays."""
    layers = more.pop("layers", [{"Dense": {"units": 5, "activation": "tanh"}}])
    training = {"loss": "mse", "metrics": ["mae"], "epochs": 1, "batch_size": 8}
    return {
        "seed": 1,
        "model": {
            "inputs": more.pop("inputs", {"x": [4]}),
            "layers": [*layers, {"Dense": {"units": 1, "name": "y"}}],
        },
        "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"y": "y"}},
        "training": {**training, **more},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data."""
    path = tmp_path_factory.mktemp("batches")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 4)).astype("float32")
    np.savez(path / "d.npz", x=x, y=x.sum(1, keepdims=True))
    return path


@pytest.fixture(autouse=True)
def within(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def run(folder: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return ms.load_spec(spec()).train("run")


def arrays() -> tuple[Any, Any]:
    with np.load("d.npz") as data:
        return data["x"], data["y"]


def test_many_batches_in_a_call_have_the_bits_of_single_ones(run: Any) -> None:
    """The oracle is Keras, batch by batch; the last batch is smaller."""
    x, _ = arrays()
    found = run.predict({"x": x}, batch_size=8)["y"]
    model = ms.open_run("run").model
    single = [model.predict_on_batch(x[start : start + 8]) for start in range(0, ROWS, 8)]
    assert np.array_equal(found, np.concatenate(single)[:, 0])


def test_every_row_has_one_prediction(run: Any) -> None:
    x, _ = arrays()
    found = run.predict({"x": x})["y"]
    assert found.shape == (ROWS,)
    assert np.allclose(found, run.predict({"x": x}, batch_size=7)["y"], atol=1e-6)


def test_predicting_again_traces_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.run import prediction_batches

    traced: Counter[str] = Counter()
    original = prediction_batches._Steps._all

    def counted(self: Any, *given: Any) -> Any:
        traced["steps"] += 1
        return original(self, *given)

    monkeypatch.setattr(prediction_batches._Steps, "_all", counted)
    x, _ = arrays()
    opened = ms.open_run("run")
    for rows in (ROWS, 90, 60):
        assert len(opened.predict({"x": x[:rows]}, batch_size=16)["y"]) == rows
    assert traced["steps"] == 1


def test_a_training_step_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.run.step import TestSteps, TrainingSteps

    traced: Counter[str] = Counter()

    def count(kind: type) -> None:
        original = kind._step  # type: ignore[attr-defined]

        def counted(self: Any, batch: Any) -> Any:
            traced[kind.__name__] += 1
            return original(self, batch)

        monkeypatch.setattr(kind, "_step", counted)

    count(TrainingSteps)
    count(TestSteps)
    checked = spec(layers=[{"Dense": 4}, {"Dropout": 0.1}, {"BatchNormalization": {}}], epochs=2)
    checked["data"]["split"] = {"validation": 0.2, "test": 0.2}
    ms.load_spec(checked).train("traced")
    assert traced == {"TrainingSteps": 1, "TestSteps": 1}


# Batch sizes --------------------------------------------------------------------------------------

REGULARIZED = [{"Dense": {"units": 4, "activity_regularizer": {"L2": 0.1}}}]


@pytest.mark.parametrize(
    ("more", "predicted", "measured"),
    [
        ({}, 1024, 1024),
        ({"batch_size": 2048}, 2048, 2048),
        ({"loss": {"MeanSquaredError": {"reduction": "sum"}}}, 1024, 8),
        ({"layers": REGULARIZED}, 1024, 8),
        ({"layers": [{"BatchNormalization": {"call": {"training": True}}}]}, 8, 8),
        ({"layers": [{"Dense": 60_000}, {"Dense": 4}]}, 128, 128),
        ({"inputs": {"x": {"shape": [4], "batch_size": 8}}}, 8, 8),
    ],
)
def test_batches_are_larger_where_results_cannot_depend_on_it(
    more: dict[str, Any], predicted: int, measured: int
) -> None:
    """Otherwise they are those of the training; large tensors limit them as well."""
    from modelspec.runtime.run.prediction_sizes import batch_size, measuring_size

    compiled = ms.load_spec(spec(**more)).compiled
    assert batch_size(compiled) == predicted
    assert measuring_size(compiled) == measured


def test_another_source_has_the_metrics_of_numpy(run: Any) -> None:
    x, y = arrays()
    np.savez("other.npz", x=x, y=y + 1)
    found = ms.open_run("run").evaluate("other.npz").metrics
    errors = run.predict({"x": x})["y"].astype("float64") - (y[:, 0] + 1)
    assert found["loss"] == pytest.approx(np.square(errors).mean(), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)


def test_the_parts_of_a_run_are_measured_as_in_training() -> None:
    """To the last bit, because a training has its batch size."""
    checked = spec()
    checked["data"]["split"] = {"test": 0.5}
    trained = ms.load_spec(checked).train("parts")
    stored = json.loads(Path("parts/metrics.json").read_text())["test"]
    assert dict(trained.evaluate().metrics) == stored


# A long-lived process -----------------------------------------------------------------------------


def test_threads_and_models_do_not_accumulate() -> None:
    """Neither over trainings nor over predictions."""
    import keras

    def held() -> tuple[int, int]:
        gc.collect()
        models = sum(isinstance(one, keras.Model) for one in gc.get_objects())
        return threading.active_count(), models

    x, y = arrays()
    checked = ms.load_spec(spec())
    checked.train("first", data={"x": x, "y": y}).predict({"x": x})
    before = held()
    for number in range(3):
        trained = checked.train(f"again{number}", data={"x": x, "y": y})
        for _ in range(4):
            trained.predict({"x": x}, batch_size=16)
    del trained
    assert held() == before
