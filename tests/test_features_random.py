"""Inputs that are drawn at random: from the place in the run in training, from the row elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

ROWS = 40


def spec_of(kind: str = "normal", *, noise: Any = None, **data: Any) -> dict[str, Any]:
    return {
        "seed": 5,
        "model": {
            "inputs": {"x": [1], "noise": [3] if noise is None else noise},
            "layers": [
                {"Concatenate": {"from": ["x", "noise"]}},
                {"Dense": {"units": 1, "name": "y"}},
            ],
        },
        "data": {
            "source": {"csv": "t.csv"},
            "inputs": {"x": {"column": "x"}, "noise": {"random": kind}},
            "targets": {"y": {"column": "y"}},
            **data,
        },
        "training": {"loss": "mse", "epochs": 4, "batch_size": 8},
    }


def written(folder: Path, spec: dict[str, Any]) -> Path:
    rows = "".join(f"{row},{row % 3}\n" for row in range(ROWS))
    (folder / "t.csv").write_text(f"x,y\n{rows}", encoding="utf-8")
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return path


def feed_of(folder: Path, spec: dict[str, Any]) -> tuple[Any, Any]:
    from modelspec.runtime.data import prepare
    from modelspec.runtime.data.batches import Feed

    train = prepare(ms.load_spec(written(folder, spec)).compiled).parts["train"]
    return Feed(train.examples), train


def noises(batches: Any) -> list[Any]:
    return [np.asarray(inputs["noise"]) for inputs, *_ in batches]


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_every_step_draws_anew_and_a_resumed_run_draws_the_same(kind: str, tmp_path: Path) -> None:
    feed, train = feed_of(tmp_path, spec_of(kind))
    whole = noises(feed.training(train.positions, 5, 16, 3))
    assert len({one.tobytes() for one in whole}) == len(whole) == 9
    resumed = noises(feed.training(train.positions, 5, 16, 3, first_epoch=1, first_step=2))
    assert len(resumed) == 4
    assert all(np.array_equal(one, other) for one, other in zip(resumed, whole[5:], strict=True))
    other_seed, _ = feed_of(tmp_path, {**spec_of(kind), "seed": 6})
    assert not np.array_equal(noises(other_seed.training(train.positions, 5, 16, 1))[0], whole[0])


@pytest.mark.tensorflow
def test_a_row_has_its_numbers_whatever_its_batch_is(tmp_path: Path) -> None:
    feed, train = feed_of(tmp_path, spec_of())
    whole = np.concatenate(noises(feed.plain(train.positions, 16)))
    assert len(np.unique(whole, axis=0)) == ROWS
    some = np.array([3, 17, 30])
    assert np.array_equal(np.concatenate(noises(feed.plain(some, 2))), whole[some])


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_numbers_have_the_distribution_and_dtype_that_is_asked_for(dtype: str) -> None:
    import tensorflow as tf

    from modelspec.runtime.data.random_inputs import RandomInput

    for kind in ("normal", "uniform"):
        drawn = RandomInput(kind, (20_000,), dtype, 1, 0).of_step(5, 0, 0)
        assert drawn.dtype == dtype
        values = tf.cast(drawn, tf.float64).numpy().ravel()
        mean, deviation = (0, 1) if kind == "normal" else (0.5, 12**-0.5)
        assert abs(values.mean() - mean) < 0.02 and abs(values.std() - deviation) < 0.02
        if kind == "uniform":
            assert values.min() >= 0 and values.max() < 1


@pytest.mark.tensorflow
def test_two_inputs_draw_different_numbers() -> None:
    from modelspec.runtime.data.random_inputs import RandomInput

    one, other = (RandomInput("normal", (4,), "float32", 1, number) for number in (0, 1))
    assert not np.array_equal(one.of_step(2, 0, 0), other.of_step(2, 0, 0))
    assert not np.array_equal(one.of_rows([0, 1]), other.of_rows([0, 1]))
    assert not np.array_equal(one.of_rows([0, 1]), one.of_step(2, 0, 0))


@pytest.mark.tensorflow
def test_a_run_trains_evaluates_and_predicts_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelspec.runtime.run.evaluate import evaluate
    from modelspec.runtime.run.predict import predict

    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, spec_of(split={"test": 0.25}))
    run = ms.load_spec(path).train(run_dir=tmp_path / "run")
    assert evaluate(run.directory).metrics == evaluate(run.directory).metrics
    first, again = (predict(run.directory, "t.csv").outputs["y"] for _ in range(2))
    assert np.array_equal(first, again)
    (tmp_path / "few.csv").write_text("x\n0\n1\n2\n", encoding="utf-8")
    few = predict(run.directory, "few.csv").outputs["y"]
    np.testing.assert_allclose(few, first[:3], rtol=1e-6)


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        (spec_of(), []),
        (spec_of("gaussian"), ["MS205"]),
        (spec_of(noise={"shape": [3], "dtype": "int32"}), ["MS577"]),
        (spec_of(noise=["time"]), ["MS405", "MS577"]),
        (spec_of(targets={"y": {"random": "normal"}}), ["MS577"]),
        (
            spec_of(inputs={"x": {"column": "x"}, "noise": {"random": "normal", "pad": 3}}),
            ["MS208"],
        ),
        (
            spec_of(inputs={"x": {"column": "x"}, "noise": {"random": "normal", "column": "z"}}),
            ["MS208"],
        ),
        (
            spec_of(inputs={"x": {"column": "x"}, "noise": {"random": "normal", "missing": 0}}),
            ["MS208"],
        ),
    ],
)
def test_what_cannot_be_drawn_is_found_before_the_data(spec: Any, codes: list[str]) -> None:
    assert [one.code for one in ms.check(spec).diagnostics if one.severity == "error"] == codes


@pytest.mark.tensorflow
def test_an_estimator_draws_what_the_columns_do_not_feed() -> None:
    pytest.importorskip("sklearn")
    from modelspec.estimators import SpecRegressor

    x = np.arange(ROWS, dtype="float32")[:, None] / ROWS
    found = SpecRegressor(spec_of()).fit(x, x[:, 0])
    first, again = found.predict(x), found.predict(x)
    assert first.shape[0] == ROWS and np.array_equal(first, again)
    assert len(np.unique(found.predict(np.zeros((5, 1), "float32")))) == 5


def test_the_data_command_lists_what_is_drawn(tmp_path: Path) -> None:
    from modelspec.cli.data_json import as_json
    from modelspec.cli.data_text import as_text
    from modelspec.runtime.data.inspection import inspect

    facts, _ = inspect(ms.load_spec(written(tmp_path, spec_of("uniform"))).compiled)
    found = json.loads(as_json(facts))["inputs"]
    assert (found["noise"]["random"], found["noise"]["shape"]) == ("uniform", [3])
    assert found["x"]["random"] is None
    (line,) = (one for one in as_text("t", facts).splitlines() if one.startswith("input noise"))
    assert line.split() == ["input", "noise", "3", "float32", "random:", "uniform"]
