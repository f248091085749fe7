"""Numbers of predictions against NumPy: the way back from a target's transform, metrics in the unit
of the column, and the threshold that is best.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.core.settings import Context
from modelspec.runtime.data import RunError
from modelspec.runtime.data.target_inverse import has_inverse, inverse
from modelspec.runtime.run.thresholds import MEASURES, best_threshold

from .predicting import read_csv, spec, trained, write_rows

RAW = np.array([0.03, 0.5, 1.0, 7.25, 480.0])
INVERTIBLE = [
    "log1p(x)",
    "log(x)",
    "log2(x) / 3",
    "log10(x + 2)",
    "sqrt(x)",
    "rsqrt(x)",
    "-x",
    "3 - x / 7",
    "2 * (x - 5) + 1",
    "4 / x",
    "1 / (x + 1)",
    "x ** 3",
    "x ** 0.5",
    "x ** -1",
    "(1 + log1p(x)) ** 1.5",
    "1.01 ** x",
    "expm1(x / 100)",
    "exp(-x / 300)",
    "tanh(x / 400)",
    "arcsinh(x)",
    "sigmoid(x / 200)",
    "cast(x, 'float64') / 2",
    "log(x) / log(10)",
]
NOT = [
    "x * x",
    "x ** 2",
    "square(x)",
    "abs(x)",
    "x + x",
    "log(x / (1 + x))",
    "floor(x)",
    "clip(x, 0, 1)",
    "x ** 0",
    "x * 0",
    "1 ** x",
    "cast(x, 'int32')",
    "sum(x, axis=1)",
    "maximum(x, 1)",
    "sin(x)",
    "x[:, None]",
]


def expression(formula: str, **settings: Any) -> Any:
    from modelspec.catalog.layers.expression import Expression

    return Expression.build({"formula": formula, **settings}, Context())


def computed(formula: str, x: Any) -> Any:
    """A formula in float64, by NumPy."""
    names = ["log1p", "log", "log2", "log10", "sqrt", "expm1", "exp", "tanh", "arcsinh"]
    known = {name: getattr(np, name) for name in names}
    known |= {
        "rsqrt": lambda v: 1 / np.sqrt(v),
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
        "cast": lambda v, _: v,
    }
    return eval(formula, {"__builtins__": {}}, {**known, "x": x})  # the formulas above alone


@pytest.mark.parametrize("formula", INVERTIBLE)
def test_a_formula_whose_tensor_occurs_once_is_undone(formula: str) -> None:
    layers = (expression(formula),)
    assert has_inverse(layers)
    back = inverse(layers, computed(formula, RAW))
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, RAW, rtol=1e-9)


@pytest.mark.parametrize("formula", NOT)
def test_a_formula_that_gives_one_number_for_two_has_no_inverse(formula: str) -> None:
    layers = (expression(formula),)
    assert not has_inverse(layers)
    assert inverse(layers, RAW) is RAW


def test_an_inverse_uses_what_a_formula_learned() -> None:
    layers = (
        expression("(log(x) - m) / (2 * s)", learned={"m": 1.25, "s": (0.5,)}),
        expression("x + 1"),
    )
    given = (np.log(RAW) - 1.25) / (2 * 0.5) + 1
    np.testing.assert_allclose(inverse(layers, given), RAW, rtol=1e-12)


def test_a_number_that_a_transform_cannot_give_is_the_nearest_one_or_none() -> None:
    assert inverse((expression("sqrt(x)"),), np.array([-0.5, 2.0])).tolist() == [0.0, 4.0]
    assert np.isnan(inverse((expression("exp(x)"),), np.array([-0.5]))).all()


# Metrics ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trained(folder, "price", "sick", "tags")
    return folder


@pytest.mark.tensorflow
def test_metrics_are_also_those_of_the_column_s_own_unit(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand from the file of predictions and the column, in float64."""
    from modelspec.runtime.run import evaluate, predict

    monkeypatch.chdir(runs)
    predict("price", "rows.csv", "price.csv", keep=["price", "w"])
    rows = read_csv("price.csv")
    true, found, weights = (
        np.array([float(row[name]) for row in rows]) for name in ("input[price]", "price", "w")
    )
    raw = [float(row["price"]) for row in read_csv("rows.csv")]
    assert true.tolist() == raw
    errors = true - found
    expected = {
        "original_mae": np.abs(errors).mean(),
        "original_mse": (errors**2).mean(),
        "original_rmse": np.sqrt((errors**2).mean()),
        "original_r2_score": 1 - (errors**2).sum() / ((true - true.mean()) ** 2).sum(),
        "original_mape": 100 * np.abs(errors / true).mean(),
        "original_weighted_mae": (weights * np.abs(errors)).sum() / weights.sum(),
    }
    metrics = dict(evaluate("price", "rows.csv").metrics)
    assert {name for name in metrics if name.startswith("original_")} == set(expected)
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, rel=1e-6), name
    logs = np.log1p(raw)
    train = np.log1p(true[_train_rows(raw)])
    trained_unit = np.abs(logs - np.log1p(found)) / train.std()
    assert metrics["mae"] == pytest.approx(trained_unit.mean(), rel=1e-4)
    stored = json.loads(Path("price/metrics.json").read_text())
    assert evaluate("price").metrics == stored["test"]
    assert "original_mae" in stored["validation"]
    history = Path("price/history.csv").read_text().splitlines()[0]
    assert "original" not in history


def _train_rows(raw: list[float]) -> list[int]:
    """Which rows the run was trained on, by their price, which differs in every row."""
    part = ms.open_run("price").data("train")
    assert len(set(raw)) == len(raw)
    return [int(row) for row in part.part.rows]


@pytest.mark.tensorflow
def test_several_outputs_with_masked_steps_count_what_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A padded sequence and a plain number: padding has no weight, names have the output's."""
    from modelspec.runtime.run import evaluate, predict

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    lines = []
    for _ in range(40):
        size = int(rng.integers(1, 5))
        x, y = rng.uniform(1, 5, size).round(3), rng.uniform(10, 90, size).round(3)
        lines.append(json.dumps({"x": x.tolist(), "y": y.tolist(), "z": float(y.sum())}))
    Path("s.jsonl").write_text("\n".join(lines) + "\n")
    pad = {"length": 4, "value": 0}
    values = {
        "model": {
            "inputs": {"x": [4, 1]},
            "layers": [
                {"Masking": {"mask_value": 0.0}},
                {"GRU": {"units": 3, "return_sequences": True, "name": "g"}},
                {"Dense": {"units": 1, "name": "y", "from": "g"}},
                {"GRU": {"units": 3, "from": "g"}},
                {"Dense": {"units": 1, "name": "z"}},
            ],
            "outputs": ["y", "z"],
        },
        "data": {
            "source": {"jsonl": "s.jsonl"},
            "inputs": {"x": {"column": "x", "pad": pad}},
            "targets": {
                "y": {"column": "y", "pad": pad, "transform": [{"Rescaling": 0.1}]},
                "z": {"column": "z", "transform": [{"Expression": "sqrt(x)"}]},
            },
        },
        "training": {
            "loss": "mse",
            "metrics": {"y": ["mae"], "z": [{"MeanAbsoluteError": {"name": "off"}}]},
        },
    }
    ms.load_spec(values).train(run_dir=tmp_path / "run")
    found = predict("run", "s.jsonl")
    metrics = evaluate("run", "s.jsonl").metrics
    rows = [json.loads(line) for line in lines]
    errors = [
        abs(true - at[0])
        for row, steps in zip(rows, found.outputs["y"], strict=True)
        for true, at in zip(row["y"], steps[-len(row["y"]) :], strict=True)  # filled up in front
    ]
    assert metrics["original_y_mae"] == pytest.approx(np.mean(errors), rel=1e-6)
    off = np.abs(np.array([row["z"] for row in rows]) - found.outputs["z"][:, 0])
    assert metrics["original_z_off"] == pytest.approx(off.mean(), rel=1e-6)


# Thresholds ---------------------------------------------------------------------------------------


def scored(metric: str, shares: Any, truth: Any, threshold: float) -> float:
    """By counting, in plain Python."""
    said = [float(share) > threshold for share in shares]
    pairs = list(zip(said, truth.tolist(), strict=True))
    tp, fp = pairs.count((True, True)), pairs.count((True, False))
    fn, tn = pairs.count((False, True)), pairs.count((False, False))
    if metric == "f1":
        return 2 * tp / (2 * tp + fp + fn) if tp else 0.0
    if metric == "accuracy":
        return (tp + tn) / len(pairs)
    balanced = (tp / (tp + fn) + tn / (tn + fp)) / 2
    return 2 * balanced - 1 if metric == "youden" else balanced


@pytest.mark.parametrize("metric", MEASURES)
@pytest.mark.parametrize("seed", range(6))
def test_no_threshold_is_better_than_the_chosen_one(metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.random(60).astype(np.float32).round(seed % 3 + 1)  # with equal ones
    truth = rng.random(60) < shares
    threshold, score = best_threshold(shares, truth, None, metric)
    assert scored(metric, shares, truth, threshold) == pytest.approx(score, abs=1e-12)
    every = [0.0, 1.0, *shares.astype(float), *rng.random(200)]
    assert all(scored(metric, shares, truth, one) <= score + 1e-12 for one in every)


@pytest.mark.tensorflow
def test_a_chosen_threshold_is_stored_and_predictions_are_decided_with_it(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from modelspec.cli import main

    monkeypatch.chdir(runs)
    write_rows(Path("new.csv"), 30, seed=4)
    answer = CliRunner().invoke(main, ["evaluate", "sick", "--choose-threshold", "f1"])
    assert answer.exit_code == 0, answer.output
    stored = json.loads(Path("sick/threshold.json").read_text())
    (threshold,) = stored["thresholds"]["sick"]
    run = ms.open_run("sick")
    inputs, truth = run.data("validation").arrays()
    shares = run.model.predict(inputs, verbose=0)[:, 0]
    score = scored("f1", shares, truth[:, 0] > 0, threshold)
    assert stored["scores"]["sick"] == [pytest.approx(score)]
    assert all(scored("f1", shares, truth[:, 0] > 0, one) <= score + 1e-12 for one in shares)
    answer = CliRunner().invoke(main, ["predict", "sick", "--data", "new.csv", "-o", "p.csv"])
    assert "MS735" in answer.output
    rows = read_csv("p.csv")
    for row in rows:
        assert (row["sick"] == "yes") == (float(row["p[yes]"]) > threshold)
    plain = run.predict("new.csv", threshold=0.5)
    assert (plain["sick"] == "yes").tolist() == (plain["p[yes]"] > 0.5).tolist()
    huge = '{"version": 1, "metric": "f1", "on": "test", "examples": 1e999, "scores": {}'
    for text in ('{"version": 1}', huge + ', "thresholds": {}}'):
        Path("sick/threshold.json").write_text(text)
        with pytest.raises(RunError, match="MS736"):
            run.predict("new.csv")
    Path("sick/threshold.json").unlink()


@pytest.mark.tensorflow
def test_each_of_several_labels_has_a_threshold_of_its_own(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    run = ms.open_run("tags")
    stored = run.choose_threshold("accuracy")
    found = run.predict("rows.csv")
    wet, cold = stored.thresholds["tags"]
    for row, at in zip(found["tags"], range(160), strict=True):
        has = {"wet"} if found["p[wet]"][at] > wet else set()
        has |= {"cold"} if found["p[cold]"][at] > cold else set()
        assert set(filter(None, row.split("|"))) == has
    Path("tags/threshold.json").unlink()


@pytest.mark.tensorflow
def test_what_has_no_threshold_to_choose_is_refused(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    with pytest.raises(RunError, match="MS737"):
        ms.open_run("price").choose_threshold()
    with pytest.raises(RunError, match="MS732"):
        ms.open_run("sick").choose_threshold("f2")
    lines = Path("rows.csv").read_text()
    Path("one.csv").write_text(lines.replace(",yes,", ",no,", 0))
    one = spec(1, {"wet": "wet"}, "binary_crossentropy", activation="sigmoid")
    one["data"]["source"] = {"csv": "one.csv"}
    header, *rows = lines.splitlines()
    dry = [",".join([*row.split(",")[:5], "0", *row.split(",")[6:]]) for row in rows]
    Path("one.csv").write_text("\n".join([header, *dry]) + "\n")
    ms.load_spec(one).train(run_dir="one")
    with pytest.raises(RunError, match="MS738"):
        ms.open_run("one").choose_threshold()
