"""`formula:` in losses, metrics, callbacks and learning rates; its old key; targets of any shape."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

TENSORFLOW = pytest.mark.tensorflow
DIFFERENCE = "mean(square(y_true - y_pred), axis=-1)"


def spec(**training: Any) -> dict[str, Any]:
    return {
        "name": "rates",
        "seed": 2,
        "model": {"inputs": {"x": [3]}, "layers": [{"Dense": {"units": 2, "name": "y"}}]},
        "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"y": "t"}},
        "training": {"loss": "mse", "epochs": 4, "batch_size": 4, **training},
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import numpy as np

    rng = np.random.default_rng(1)
    numbers = {"x": (10, 3), "t": (10, 2), "wide": (10, 3), "one": (10,)}
    drawn = {name: rng.normal(size=size).astype("float32") for name, size in numbers.items()}
    np.savez(tmp_path / "d.npz", allow_pickle=False, **drawn)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The key ------------------------------------------------------------------------------------------


def test_the_old_key_is_rewritten(tmp_path: Path) -> None:
    """A warning at the key, and the file after `check --fix` has none."""
    path = tmp_path / "s.yaml"
    path.write_text(
        """
model:
  inputs: {x: [3]}
  layers: [{Dense: {units: 2, name: a}}, {Dense: {units: 2, name: b}}]
  outputs: [a, b]
training:
  loss: {a: {expression: "abs(y_true - y_pred)", name: mine}, b: {expression: "square(y_pred)"}}
  metrics: {a: [{name: d, expression: "y_pred"}, mae]}
  callbacks:
    - LearningRateScheduler: {expression: "lr * 0.9"}
    - LearningRateScheduler: {schedule: {expression: "lr * 0.8"}}
"""
    )
    found = ms.check(path).diagnostics
    assert [(one.code, one.severity) for one in found] == [("MS221", "warning")] * 5
    before = ms.load_spec(path).compiled.training
    done = subprocess.run(
        [sys.executable, "-m", "modelspec", "check", "--fix", str(path)], capture_output=True
    )
    assert done.returncode == 0
    assert not ms.check(path).diagnostics and "expression" not in path.read_text()
    after = ms.load_spec(path).compiled.training
    assert before is not None and after is not None
    for output in ("a", "b"):
        assert _formula(before, output) == _formula(after, output)


def test_the_old_key_is_rewritten_in_optimizers() -> None:
    rate = {"learning_rate": {"expression": "0.1 * 0.9 ** epoch"}}
    by_path = {"default_optimizer": "adam", "optimizer_map": {".*bias": {"SGD": rate}}}
    for optimizer in (
        {"SGD": rate},
        {"LossScaleOptimizer": {"inner_optimizer": {"SGD": rate}}},
        {"MultiOptimizer": {"optimizer_map": {"default_optimizer": {"SGD": rate}}}},
        {"MultiOptimizer": {"optimizer_map": by_path}},
        {"MultiOptimizer": {"optimizer_map": {"OptimizerMap": by_path}}},
    ):
        found = ms.check(spec(optimizer=optimizer)).diagnostics
        assert [(one.code, one.severity) for one in found] == [("MS221", "warning")]


def _formula(training: Any, output: str) -> str:
    return str(training.losses[output].settings.formula)


@pytest.mark.parametrize("loss", ["mse", {"MeanSquaredError": {"name": "mine"}}])
def test_an_output_of_that_name_has_a_loss(loss: Any) -> None:
    """`expression` is the automatic name of a layer, so that it may be an output."""
    given = {
        "model": {
            "inputs": {"x": [3]},
            "layers": [{"Expression": "x * 2"}, {"Dense": 1}],
            "outputs": ["expression", "dense"],
        },
        "training": {"loss": {"expression": loss}},
    }
    found = ms.check(given)
    assert [one.code for one in found.diagnostics if one.severity == "error"] == []
    training = ms.load_spec(given).compiled.training
    assert training is not None and list(training.losses) == ["expression"]


@pytest.mark.parametrize(
    ("rate", "code", "words"),
    [
        ("0.1 / step", "MS145", "division by zero"),
        ("step - 1", "MS891", "is -1 at step 0"),
        ("0.1 - 0.2 * step", "MS891", "at step 1"),
        ("step > 3", "MS143", "boolean"),
        ("0.1 * lr", "MS144", "`lr`"),
        ("0.1 * exq(step)", "MS142", "`exq`"),
        (3, "MS204", "must be"),
    ],
)
def test_a_rate_that_is_none_is_refused(rate: Any, code: str, words: str) -> None:
    given = spec(optimizer={"SGD": {"learning_rate": {"formula": rate}}})
    del given["data"]
    ((found, message),) = [(one.code, one.message) for one in ms.check(given).diagnostics]
    assert found == code and words in message


# Learning rates -----------------------------------------------------------------------------------

RATE = "0.2 * minimum((step + 1) / 4, 1) * (0.5 ** (epoch // 2) if step > 1 else 1)"


def rate(step: int, epoch: int) -> float:
    return 0.2 * min((step + 1) / 4, 1) * (0.5 ** (epoch // 2) if step > 1 else 1)


@TENSORFLOW
def test_the_rate_at_every_step_is_that_of_python(folder: Path) -> None:
    """With plain SGD a step is the rate times the gradient, which is done here in float64; three
    steps make an epoch of 10 rows.
    """
    import numpy as np

    from modelspec.runtime.backend.formula_schedule import set_epoch

    made = ms.load_spec(spec(optimizer={"SGD": {"learning_rate": {"formula": RATE}}})).build()
    schedule = made.optimizer._learning_rate
    set_epoch(made.optimizer, 3)
    found = [float(schedule(step)) for step in range(12)]
    assert np.allclose(found, [rate(step, step // 3) for step in range(12)], rtol=1e-6)


@TENSORFLOW
def test_a_resumed_run_has_the_same_rates(folder: Path) -> None:
    """Two epochs and then two more are the four epochs of one run, bit by bit."""
    import numpy as np

    given = spec(optimizer={"Adam": {"learning_rate": {"formula": RATE}}})
    whole = ms.load_spec(given).train(run_dir="whole")
    half = {**given, "training": {**given["training"], "epochs": 2}}
    ms.load_spec(half).train(run_dir="half")
    rest = ms.resume("half", {"training.epochs": 4})
    assert whole.history["learning_rate"] == rest.history["learning_rate"]
    logged = [rate(3 * epoch + 2, epoch) for epoch in range(4)]
    assert np.allclose(whole.history["learning_rate"], logged, rtol=1e-6)
    for one, other in zip(whole.model.weights, rest.model.weights, strict=True):
        assert np.array_equal(one, other)


@TENSORFLOW
def test_a_script_has_the_rates_of_the_run(folder: Path) -> None:
    import runpy

    import keras
    import numpy as np

    from modelspec.runtime.exporters.export_run import export

    given = spec(optimizer={"SGD": {"learning_rate": {"formula": RATE}}})
    ms.load_spec(given).train(run_dir="run")
    made = export(folder / "run", "python", folder / "made.py")
    text = made.path.read_text()
    assert "modelspec" not in text
    for words in (["check", "--isolated"], ["format", "--check", "--isolated"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, str(made.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    rates: list[float] = []

    fit = keras.Model.fit

    def measured(model: Any, *args: Any, **given: Any) -> Any:
        log = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs: rates.append(
                float(model.optimizer.learning_rate)
            )
        )
        return fit(model, *args, **given, callbacks=[log])

    data = np.load(folder / "d.npz")
    names = runpy.run_path(str(made.path))
    try:
        keras.Model.fit = measured
        names["train"](data["x"], data["t"])
    finally:
        keras.Model.fit = fit
    assert np.allclose(rates, [rate(step, step // 3) for step in range(12)], rtol=1e-6)


@TENSORFLOW
def test_every_optimizer_that_holds_others_gets_the_epoch() -> None:
    from modelspec.runtime.backend.formula_schedule import set_epoch

    rates = {"formula": "0.1 / (1 + epoch)"}
    given = {
        "runtime": {"precision": "mixed_float16"},
        "model": {"inputs": {"x": [3]}, "layers": [{"Dense": 2}]},
        "training": {"loss": "mse", "optimizer": {"SGD": {"learning_rate": rates}}},
    }
    model = ms.load_spec(given).build()
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    set_epoch(model.optimizer, 5)
    inner = model.optimizer.inner_optimizer
    assert abs(float(inner._learning_rate(10)) - 0.1 / 3) < 1e-7


@TENSORFLOW
def test_a_model_is_saved_without_the_formula(folder: Path) -> None:
    import keras
    import numpy as np

    model = ms.load_spec(spec(optimizer={"SGD": {"learning_rate": {"formula": RATE}}})).build()
    model.save(folder / "m.keras")
    x = np.ones((2, 3), "float32")
    loaded = keras.models.load_model(folder / "m.keras", safe_mode=True)
    assert np.array_equal(loaded(x), model(x))


# Targets ------------------------------------------------------------------------------------------


@TENSORFLOW
@pytest.mark.parametrize(
    ("target", "formula"),
    [
        ("wide", "square(y_pred[:, 0] - y_true[:, 2]) + abs(y_pred[:, 1] * y_true[:, 0])"),
        ("one", "mean(square(y_pred - y_true[:, None]), axis=-1)"),
    ],
)
def test_a_formula_takes_targets_of_any_shape(folder: Path, target: str, formula: str) -> None:
    import numpy as np

    given = spec(loss={"formula": formula}, epochs=1, batch_size=10)
    given["data"]["targets"] = {"y": target}
    run = ms.load_spec(given).train(run_dir="run")
    model = ms.load_spec(given).build()
    data = np.load(folder / "d.npz")
    before = _initial(given, data["x"])
    t = data[target].astype("float64")
    if target == "wide":
        losses = (before[:, 0] - t[:, 2]) ** 2 + np.abs(before[:, 1] * t[:, 0])
    else:
        losses = ((before - t[:, None]) ** 2).mean(axis=-1)
    assert np.isclose(run.history["loss"][0], losses.mean(), rtol=1e-5)
    assert model.output_shape == (None, 2)


def _initial(given: dict[str, Any], x: Any) -> Any:
    """The outputs before the training: those of the run with a rate of 0."""
    import numpy as np

    still = {**given, "training": {**given["training"], "optimizer": {"SGD": 1e-30}}}
    run = ms.load_spec(still).train(run_dir="still")
    return np.asarray(run.model(x)).astype("float64")


def test_targets_that_do_not_fit_a_formula_are_refused(folder: Path) -> None:
    """With the reason, at the target."""
    import json

    from click.testing import CliRunner

    from modelspec.cli import main

    given = spec(loss={"formula": DIFFERENCE})
    given["data"]["targets"] = {"y": "wide"}
    (folder / "s.json").write_text(json.dumps(given))
    result = CliRunner().invoke(main, ["check", "--data", "s.json"])
    assert result.exit_code == 1
    assert "MS616" in result.output and "sizes 3 and 2 of `-` differ" in result.output
