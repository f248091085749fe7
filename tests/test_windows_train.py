"""Trainings on windows: batches as plain slices, a series whose best result is known, runs that are
stopped and resumed, and predictions with the rows they belong to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import Prepared, RunError, batches, held_arrays, prepare
from modelspec.runtime.run import Run, Watcher, evaluate, predict, resume, train

pytestmark = pytest.mark.tensorflow

Array = np.ndarray[Any, Any]
COUNT, NOISE = 900, 0.1
PAST = 3


def series(count: int, seed: int, start: float) -> Array:
    """An autoregressive series of order 2: x[t] = 0.6 x[t-1] - 0.4 x[t-2] + noise, with which no
    prediction of one step has a smaller mean squared error than NOISE**2.
    """
    noise = np.random.default_rng(seed).normal(0, NOISE, count)
    found = np.zeros(count)
    found[:2] = start
    for step in range(2, count):
        found[step] = 0.6 * found[step - 1] - 0.4 * found[step - 2] + noise[step]
    return found


def write(name: str, count: int = COUNT, seed: int = 0) -> dict[str, Array]:
    """Two series at the same times, row by row, with weights and a label of each row."""
    both = {one: series(count, seed + at, at) for at, one in enumerate("ab")}
    lines = ["time,station,x,w,sign"]
    for time in range(count):
        for one, values in both.items():
            sign = "up" if values[time] > 0.05 else "down"
            lines.append(f"{time},{one},{float(values[time])!r},{(time % 5) / 4},{sign}")
    Path(name).write_text("\n".join(lines) + "\n")
    return both


def spec(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": "ar",
        "seed": 3,
        "model": {"inputs": {"past": [PAST]}, "layers": [{"Dense": {"units": 1, "name": "next"}}]},
        "data": {
            "source": {"csv": "t.csv"},
            "window": {"length": PAST, "horizon": 1, "by": "station", "order": "time"},
            "split": {"validation": 0.2, "test": 0.2},
            "inputs": {"column": "x", "transform": ["Normalization"]},
            "targets": {"column": "x"},
        },
        "training": {
            "optimizer": {"Adam": 0.02},
            "loss": "mse",
            "epochs": 12,
            "batch_size": 64,
        },
    }
    for path, value in changes.items():
        *above, last = path.split("__")
        place = found
        for key in above:
            place = place[key]
        place[last] = value
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _in_the_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("MODELSPEC_CACHE", str(home / "cache"))


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    before = Path.cwd()
    os.chdir(home)
    write("t.csv")
    try:
        return train(ms.load_spec(spec()), home / "run")
    finally:
        os.chdir(before)


def rows_of(both: Mapping[str, Array], first: int, last: int) -> tuple[Array, Array]:
    """What comes before each number of the two series, from one time to another, and the number."""
    found = [
        (x[time - PAST : time], x[time])
        for time in range(first + PAST, last)
        for x in both.values()
    ]
    return np.array([x for x, _ in found]), np.array([y for _, y in found])


# A known best result ------------------------------------------------------------------------------


def test_a_linear_model_of_a_series_comes_to_the_noise_of_the_series(run: Run) -> None:
    both = write("t.csv")
    border = int(COUNT * 0.6)
    x, y = rows_of(both, 0, border)
    design = np.column_stack([x, np.ones(len(x))])
    best = np.linalg.lstsq(design, y, rcond=None)[0]
    x, y = rows_of(both, int(COUNT * 0.8), COUNT)
    least = float(np.mean((np.column_stack([x, np.ones(len(x))]) @ best - y) ** 2))
    loss = run.by_part["test"]["loss"]
    assert loss < 1.05 * least
    assert loss < 1.2 * NOISE**2


def test_predictions_of_a_new_file_come_with_the_last_row_of_their_windows(run: Run) -> None:
    both = write("new.csv", 20, seed=9)
    lines = Path("new.csv").read_text().splitlines()
    found = predict(run.directory, "new.csv")
    wanted = {2 * time + at + 1 for time in range(PAST - 1, 20) for at in range(2)}
    assert found.ids["row"].tolist() == sorted(wanted)
    kernel, bias = (np.array(one, np.float64) for one in run.model.get_weights())
    training = np.concatenate([one[: int(COUNT * 0.6)] for one in write("t.csv").values()])
    for row, value in zip(found.ids["row"].tolist(), found.outputs["next"].ravel(), strict=True):
        time, station = lines[row].split(",")[:2]
        past = both[station][int(time) - PAST + 1 : int(time) + 1]
        scaled = (past - training.mean()) / training.std()
        assert value == pytest.approx(float(scaled @ kernel[:, 0] + bias[0]), abs=1e-5)


def test_a_new_file_is_evaluated_on_all_windows_with_a_target(run: Run) -> None:
    write("new.csv", 40, seed=9)
    found = evaluate(run.directory, "new.csv")
    assert found.examples == 2 * (40 - PAST)
    kernel, bias = (np.array(one, np.float64) for one in run.model.get_weights())
    training = np.concatenate([one[: int(COUNT * 0.6)] for one in write("t.csv").values()])
    x, y = rows_of(write("new.csv", 40, seed=9), 0, 40)
    scaled = (x - training.mean()) / training.std()
    wanted = np.mean((scaled @ kernel[:, 0] + bias[0] - y) ** 2)
    assert found.metrics["loss"] == pytest.approx(wanted, rel=1e-4)
    own = evaluate(run.directory)
    assert own.metrics["loss"] == pytest.approx(run.by_part["test"]["loss"], rel=1e-6)


def test_a_file_shorter_than_a_window_is_an_error(run: Run) -> None:
    write("new.csv", 2)
    with pytest.raises(RunError) as caught:
        predict(run.directory, "new.csv")
    assert [one.code for one in caught.value.diagnostics] == ["MS658"]


# Stopped and resumed ------------------------------------------------------------------------------


class Killed(BaseException):
    """What ends a run in the middle of it."""


class Killer(Watcher):
    wants_steps = True

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self, epoch: int, step: int, logs: Any) -> None:
        self.left -= 1
        if not self.left:
            raise Killed


def test_a_run_killed_in_the_middle_of_an_epoch_ends_with_the_same_bits(run: Run) -> None:
    write("t.csv")
    with pytest.raises(Killed):
        train(
            ms.load_spec(spec(training__checkpoint={"every": "5 steps"})),
            Path("killed"),
            watcher=Killer(27),
        )
    done = resume("killed")
    for mine, its in zip(run.model.variables, done.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    assert run.history["loss"] == done.history["loss"]


# Batches ------------------------------------------------------------------------------------------


def prepared(given: Any) -> Prepared:
    checked = compile_spec(given)
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return prepare(checked.value)


def fed(found: Prepared, part: str, size: int = 64) -> list[Any]:
    one = found.parts[part]
    feed = batches.Feed(one.examples)
    return [[np.asarray(each) for each in batch] for batch in feed.plain(one.positions, size)]


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("horizon", [0, 2])
def test_batches_hold_the_rows_of_their_windows(
    horizon: int, on_disk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = write("t.csv", 200)
    monkeypatch.setattr(held_arrays, "_SMALL", 0)
    window = {"length": 4, "horizon": horizon, "by": "station", "order": "time", "sampling": 2}
    given = spec(
        model={"inputs": {"past": [4]}, "layers": [{"Dense": {"units": max(horizon, 1)}}]},
        data__window=window,
        data__inputs={"column": "x"},
        data__weights="w",
        data__cache="disk" if on_disk else "memory",
    )
    found = fed(prepared(given), "train", 50)
    x, y, weights = (np.concatenate(one) for one in zip(*found, strict=True))
    places = [(one, time) for time in range(6, 120 - horizon) for one in "ab"]
    first, count = int(horizon > 0), max(horizon, 1)
    wanted = [
        (both[one][time - 6 : time + 1 : 2], both[one][time + first :][:count], (time % 5) / 4)
        for one, time in places
    ]
    np.testing.assert_allclose(x, [one for one, _, _ in wanted], rtol=1e-6)
    np.testing.assert_allclose(y, [one for _, one, _ in wanted], rtol=1e-6)
    np.testing.assert_allclose(weights.ravel(), [one for _, _, one in wanted], rtol=1e-6)


@pytest.mark.parametrize("horizon", [0, 3])
def test_classes_are_weighed_by_the_rows_of_the_targets(horizon: int) -> None:
    both = write("t.csv", 200)
    head = {"Dense": {"units": max(horizon, 1), "activation": "sigmoid", "name": "next"}}
    given = spec(
        model={"inputs": {"past": [4]}, "layers": [head]},
        data__window={"length": 4, "horizon": horizon, "by": "station", "order": "time"},
        data__inputs={"column": "x"},
        data__targets={"column": "sign", "transform": [{"StringLookup": {"num_oov_indices": 0}}]},
        data__weights="w",
        training__loss="binary_crossentropy",
        training__class_weight={"down": 2.0, "up": 0.5},
    )
    found = prepared(given)
    train_part = found.parts["train"]
    feed = batches.Feed(train_part.examples)
    dataset = feed.training(train_part.positions, 3, len(train_part), 1)
    _, y, weights = (np.asarray(one) for one in next(iter(dataset)))
    chosen = train_part.positions[batches.order(3, 0, len(train_part))]
    assert train_part.examples.rows is not None
    lasts = train_part.examples.rows[chosen]
    for last, labels, weight in zip(lasts.tolist(), y, weights, strict=True):
        time, name = last // 2, "ab"[last % 2]
        values = both[name][time + 1 : time + 1 + horizon] if horizon else both[name][[time]]
        up = values > 0.05
        np.testing.assert_array_equal(labels.ravel(), up)
        wanted = np.where(up, 0.5, 2.0) * (time % 5) / 4
        np.testing.assert_allclose(np.ravel(weight), wanted, rtol=1e-6)


def test_predictions_of_several_rows_come_back_in_the_unit_of_the_column() -> None:
    write("t.csv", 200)
    given = spec(
        model={
            "inputs": {"past": [4]},
            "layers": [{"Dense": {"units": 2, "kernel_initializer": "zeros", "name": "next"}}],
        },
        data__window={"length": 4, "horizon": 2, "by": "station", "order": "time"},
        data__targets={"column": "x", "transform": ["Normalization"]},
        training__epochs=1,
        training__optimizer={"SGD": 1e-9},
    )
    done = train(ms.load_spec(given), Path("units"))
    found = predict(done.directory, "t.csv").outputs["next"]
    training = np.concatenate([one[:120] for one in write("t.csv", 200).values()])
    np.testing.assert_allclose(found, training.mean(), atol=1e-5)
    assert found.shape[1] == 2


# Keras, exports, estimators -----------------------------------------------------------------------


@pytest.mark.parametrize(("sampling", "stride"), [(1, 1), (2, 1), (3, 4)])
def test_windows_are_those_that_keras_makes(sampling: int, stride: int) -> None:
    import keras

    write("t.csv", 60)
    window = {"length": 5, "sampling": sampling, "stride": stride, "by": "station", "order": "time"}
    given = spec(
        model={"inputs": {"past": [5]}, "layers": [{"Dense": 1}]},
        data__window=window,
        data__inputs={"column": "x"},
        data__split={"column": "station", "parts": {"train": ["a"], "test": ["b"]}},
    )
    found = np.concatenate([x for x, _ in fed(prepared(given), "train")])
    wanted = keras.utils.timeseries_dataset_from_array(
        write("t.csv", 60)["a"],
        None,
        sequence_length=5,
        sequence_stride=stride,
        sampling_rate=sampling,
        batch_size=None,
    )
    np.testing.assert_allclose(found, np.stack([np.asarray(one) for one in wanted]), rtol=1e-6)


def test_an_export_has_the_model_and_says_that_it_makes_no_windows(run: Run) -> None:
    import keras

    from modelspec.runtime.exporters.export_run import export

    write("t.csv")
    made = export(run.directory, "keras", "out.keras")
    assert "the windows of 3 rows" in made.left_out
    assert "`Normalization` of `past`" in made.left_out
    assert not made.preprocessing
    x = np.random.default_rng(0).normal(size=(7, PAST)).astype(np.float32)
    np.testing.assert_array_equal(keras.models.load_model("out.keras")(x), run.model(x))
    script = export(run.directory, "python", "out.py")
    assert any("the windows of 3 rows" in one for one in script.notices)


def test_a_model_of_lags_is_exported_and_predicts_what_has_a_past() -> None:
    from modelspec.runtime.exporters.export_run import export

    both = write("t.csv", 60)
    given = spec(
        model={"inputs": {"past": [2]}, "layers": [{"Dense": {"units": 1, "name": "next"}}]},
        data__inputs={"column": "x", "missing": "drop", "transform": [{"Lags": [2, 4]}]},
        data__split={"test": 0.2, "order": "time"},
        training__epochs=1,
    )
    del given["data"]["window"]
    done = train(ms.load_spec(given), Path("lags"))
    found = predict(done.directory, "t.csv")
    assert found.ids["row"].tolist() == list(range(5, 121))
    kernel, bias = (np.array(one, np.float64) for one in done.model.get_weights())
    rows = np.stack([both["a"], both["b"]], axis=-1).ravel()
    wanted = rows[2:-2] * kernel[0, 0] + rows[:-4] * kernel[1, 0] + bias[0]
    np.testing.assert_allclose(found.outputs["next"].ravel(), wanted, atol=1e-5)
    assert "the earlier rows of `past`" in export(done.directory, "keras", "lags.keras").left_out


def test_an_estimator_refuses_examples_of_several_rows() -> None:
    from modelspec.estimators import SpecRegressor

    x = np.random.default_rng(0).normal(size=(40, 1))
    with pytest.raises(ValueError, match="has several rows: the windows of 3 rows"):
        SpecRegressor(spec()).fit(x, x[:, 0])
