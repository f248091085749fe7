"""Trainings with an objective: values against NumPy, weights against the same training written by
hand in Keras, runs that are killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.run import RunError, Watcher, resume
from modelspec.runtime.run.evaluate import evaluate

pytestmark = pytest.mark.tensorflow

ROWS, SIZE = 45, 16
MODEL: dict[str, Any] = {
    "inputs": {"x": [6], "e": [2]},
    "layers": [
        {"Dense": {"units": 8, "activation": "tanh", "from": "x", "name": "hidden"}},
        {"Dense": {"units": 2, "name": "m"}},
        {"Dense": {"units": 2, "from": "hidden", "name": "v"}},
        {"Expression": {"formula": "m + exp(0.5 * v) * e", "from": ["m", "v", "e"], "name": "z"}},
        {"Dense": {"units": 6, "name": "again"}},
    ],
    "outputs": ["again", "z"],
}
KL = "-0.5 * sum(1 + v - square(m) - exp(v), axis=-1)"


def columns(rows: int = ROWS) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {
        "x": rng.normal(size=(rows, 6)).astype("float32"),
        "e": rng.normal(size=(rows, 2)).astype("float32"),
        "w": rng.uniform(0.2, 2, size=rows).astype("float32"),
        "k": rng.integers(0, 3, size=rows),
        "word": np.array(["a", "b", "c"], object)[rng.integers(0, 3, size=rows)],
        "part": np.array(["train"] * (rows - 9) + ["validation"] * 9, object),
    }


def spec(objective: Any, **training: Any) -> dict[str, Any]:
    data = training.pop("data", {})
    runtime = training.pop("runtime", {})
    given = {
        "source": {"npz": "d.npz"},
        "split": {"column": "part"},
        "inputs": {"x": "x", "e": "e"},
    }
    return {
        "seed": 3,
        "model": MODEL,
        "data": {**given, **data},
        "training": {
            "optimizer": {"SGD": {"learning_rate": 0.05, "momentum": 0.9}},
            "objective": objective,
            "epochs": 3,
            "batch_size": SIZE,
            **training,
        },
        **({"runtime": runtime} if runtime else {}),
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", **{**columns(), "word": columns()["word"].astype("U1"),
                         "part": columns()["part"].astype("U10")})  # fmt: skip


# Values ------------------------------------------------------------------------------------------


def values(terms: dict[str, Any], targets: Any = None, weights: Any = None) -> dict[str, Any]:
    """The values of terms on a batch, and the tensors that they are computed from in float64."""
    from contextlib import ExitStack

    import tensorflow as tf

    from modelspec.runtime.backend.attached_objective import attached

    model = ms.load_spec(spec(terms, data={"targets": {"k": {"column": "k"}}}
                              if targets else {})).build()  # fmt: skip
    found = attached(model)
    assert found is not None
    given = columns()
    inputs = {name: tf.constant(given[name]) for name in ("x", "e")}
    with ExitStack() as outside:
        made = found.taps.run(inputs, training=False, outside=outside)
        got = found.objective.values(made, targets or {}, weights, training=False)
    tensors = {key: np.asarray(one, "float64") for (key, _), one in made.tensors.items()}
    return {"tensors": tensors, **{name: float(one) for name, one in got.items()}}


def _softmax_loss(s: Any) -> Any:
    top = s.max(axis=-1, keepdims=True)
    return (top + np.log(np.exp(s - top).sum(axis=-1, keepdims=True)))[:, 0] - np.diag(s)


def _cosine(a: Any, b: Any) -> Any:
    norm = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return (a * b).sum(axis=-1) / norm


ORACLE: dict[str, tuple[str, Any]] = {
    "kl": (KL, lambda t, k: -0.5 * (1 + t["v"] - t["m"] ** 2 - np.exp(t["v"])).sum(axis=-1)),
    "pairs": (
        "logsumexp(m @ transpose(z) / 0.5, axis=-1) - diag(m @ transpose(z)) / 0.5",
        lambda t, k: _softmax_loss(t["m"] @ t["z"].T / 0.5),
    ),
    "whole": (
        "sum(square(transpose(z) @ z / len(z) - eye(2)))",
        lambda t, k: ((t["z"].T @ t["z"] / ROWS - np.eye(2)) ** 2).sum(),
    ),
    "cosine": ("1 - cosine_similarity(m, z)", lambda t, k: 1 - _cosine(t["m"], t["z"])),
    "labels": (
        "sum(square(m) * cast(target.k == 1, 'float32')[:, None], axis=-1)",
        lambda t, k: (t["m"] ** 2).sum(axis=-1) * (k == 1),
    ),
    "chosen": (
        "sum(gather(eye(3), target.k) * again[:, :3], axis=-1)",
        lambda t, k: t["again"][np.arange(ROWS), k],
    ),
    "ranks": (
        "cast(arange(len(m)), 'float32') * m[:, 0]",
        lambda t, k: np.arange(ROWS) * t["m"][:, 0],
    ),
    "stopped": ("mean(square(stop_gradient(z) - m))", lambda t, k: ((t["z"] - t["m"]) ** 2).mean()),
}


@pytest.mark.parametrize("weighted", [False, True])
def test_values_are_those_of_numpy_in_float64(weighted: bool) -> None:
    """A term per example is averaged like a loss of Keras: its sum with the weights, divided by the
    number of examples; a term that is one number is not weighted.
    """
    given = columns()
    weights = given["w"] if weighted else None
    found = values(
        {name: formula for name, (formula, _) in ORACLE.items()},
        {"k": given["k"].astype("int32")},
        weights,
    )
    for name, (_, oracle) in ORACLE.items():
        expected = np.asarray(oracle(found["tensors"], given["k"]), "float64")
        if expected.ndim:
            expected = np.mean(expected * (given["w"] if weighted else 1.0))
        assert found[name] == pytest.approx(float(expected), rel=2e-5, abs=1e-6), name


def test_gradients_are_those_of_a_tape() -> None:
    """With respect to an input and to an inner tensor, also nested, and zero where nothing
    depends.
    """
    import tensorflow as tf

    terms = {
        "penalty": "square(sqrt(sum(square(gradient(again, x)), axis=-1)) - 1)",
        "inner": "sum(square(gradient(again[:, 0], z)), axis=-1)",
        "second": "sum(gradient(sum(square(gradient(z[:, 0], x)), axis=-1), x), axis=-1)",
        "none": "sum(gradient(m, e), axis=-1)",
    }
    found = values(terms)
    model = ms.load_spec(spec(terms)).build()
    given = columns()
    x, e = tf.constant(given["x"]), tf.constant(given["e"])
    hidden, m, v, again = (model.get_layer(name) for name in ("hidden", "m", "v", "again"))

    def code(x: Any) -> Any:
        h = hidden(x)
        return m(h) + tf.exp(0.5 * v(h)) * e

    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner, tf.GradientTape() as third:
            inner.watch(x)
            third.watch(x)
            z = code(x)
            out = again(z)
            first = z[:, 0]
        steep = inner.gradient(out, x)
        squared = tf.reduce_sum(third.gradient(first, x) ** 2, axis=-1)
    second = outer.gradient(squared, x)
    expected = {
        "penalty": tf.reduce_mean((tf.sqrt(tf.reduce_sum(steep**2, axis=-1)) - 1) ** 2),
        "inner": tf.reduce_sum(again.kernel[:, 0] ** 2),
        "second": tf.reduce_mean(tf.reduce_sum(second, axis=-1)),
        "none": 0.0,
    }
    for name, one in expected.items():
        assert found[name] == pytest.approx(float(one), rel=1e-4, abs=1e-6), name


def test_every_function_of_numbers_has_one_on_tensors() -> None:
    """The weight of a term supports what its check accepts, with the same values."""
    import tensorflow as tf

    from modelspec.catalog.formula import NUMBERS, evaluate, parse
    from modelspec.catalog.formula.scalars import SCALARS
    from modelspec.runtime.backend.weight_formulas import FUNCTIONS, weight_value

    assert set(FUNCTIONS) == set(SCALARS)
    for text in (
        "1 if epoch > 2 and not step else 0.5 * epoch ** 2",
        "max(epoch, step, 3) - min(1, step) + round(epoch / 2) + 7 // 2 % 2",
        "sign(step - 4) * log1p(epoch) + floor(step / 3) + (step != 5 or epoch == 0)",
    ):
        for epoch, step in ((0, 0), (3, 7), (5, 2)):
            formula = parse(text, NUMBERS)
            found = weight_value(formula, tf.constant(epoch), tf.constant(step))
            assert float(found) == pytest.approx(evaluate(formula, {"epoch": epoch, "step": step}))


# Training ----------------------------------------------------------------------------------------


def by_hand(model: Any, terms: Any, epochs: int, rows: int) -> list[float]:
    """Trains a Keras model with plain TensorFlow on the same batches; the loss of each epoch."""
    import tensorflow as tf

    from modelspec.runtime.data.batches import order

    given, losses, step = columns(), [], 0
    for epoch in range(epochs):
        chosen, total = order(3, epoch, rows), 0.0
        for start in range(0, rows, SIZE):
            at = chosen[start : start + SIZE]
            batch = {name: tf.constant(given[name][at]) for name in ("x", "e", "w")}
            with tf.GradientTape() as tape:
                loss = terms(model, batch, step)
            trained = model.trainable_variables
            model.optimizer.apply(tape.gradient(loss, trained), trained)
            total, step = total + float(loss) * len(at), step + 1
        losses.append(total / rows)
    return losses


def test_a_variational_autoencoder_trains_as_written_by_hand() -> None:
    """Weights to 1e-5, with example weights, a weight that grows with the steps, and a short last
    batch.
    """
    import keras
    import tensorflow as tf

    described = spec(
        {"kl": {"formula": KL, "weight": "minimum(1, step / 4)"}},
        loss={"again": "mse"},
        data={"targets": {"again": {"column": "x"}}, "weights": "w"},
    )
    run = ms.load_spec(described).train(run_dir="vae")

    def terms(model: Any, batch: Any, step: int) -> Any:
        inside = keras.Model(model.input, [model.get_layer(name).output for name in ("m", "v")])
        again = model({"x": batch["x"], "e": batch["e"]}, training=True)["again"]
        m, v = inside({"x": batch["x"], "e": batch["e"]}, training=True)
        kl = -0.5 * tf.reduce_sum(1 + v - m**2 - tf.exp(v), axis=-1)
        error = tf.reduce_mean((batch["x"] - again) ** 2, axis=-1)
        return tf.reduce_mean(batch["w"] * error) + min(1, step / 4) * tf.reduce_mean(
            batch["w"] * kl
        )

    plain = ms.load_spec(described).build()
    losses = by_hand(plain, terms, 3, ROWS - 9)
    for mine, theirs in zip(run.model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)
    assert run.history["loss"] == pytest.approx(losses, rel=1e-5)
    last = {name: columns()[name][ROWS - 9 :] for name in ("x", "e", "w")}
    inside = keras.Model(plain.input, [plain.get_layer(name).output for name in ("m", "v")])
    m, v = (np.asarray(one, "float64") for one in inside([last["x"], last["e"]]
            if isinstance(plain.input, list) else {"x": last["x"], "e": last["e"]}))  # fmt: skip
    kl = np.mean(last["w"] * -0.5 * (1 + v - m**2 - np.exp(v)).sum(axis=-1))
    assert run.history["val_kl"][-1] == pytest.approx(kl, rel=1e-4)


def test_a_model_without_targets_and_losses(tmp_path: Path) -> None:
    """It trains in mixed precision, is monitored by a term, evaluates, and predicts."""
    described = spec(
        {"again": {"formula": "mean(square(a - b), axis=-1)", "from": {"a": "x", "b": "again"}},
         "kl": {"formula": KL, "weight": 0.01}},
        callbacks=[{"EarlyStopping": {"monitor": "val_again", "restore_best_weights": True}}],
        runtime={"precision": "mixed_bfloat16"},
    )  # fmt: skip
    run = ms.load_spec(described).train(run_dir="mixed")
    history = run.history
    assert {"loss", "again", "kl", "val_loss", "val_again", "val_kl"} <= set(history)
    assert history["loss"][0] == pytest.approx(
        history["again"][0] + 0.01 * history["kl"][0], rel=1e-5
    )
    assert history["again"][-1] < history["again"][0]
    measured = evaluate("mixed", split="validation").metrics
    assert measured["again"] == pytest.approx(min(history["val_again"]), rel=1e-5)
    assert set(measured) == {"loss", "again", "kl"}
    assert {"again", "kl"} <= set(run.metrics)


def test_targets_that_only_terms_read() -> None:
    """Numbers as they are, labels by a lookup; the model has no such outputs."""
    described = spec(
        {"apart": "sum(square(m) * cast(target.k != 0, 'float32')[:, None], axis=-1)",
         "near": "square(z[:, 0] - cast(target.word, 'float32'))"},
        data={"targets": {"k": {"column": "k"},
                          "word": {"column": "word",
                                   "transform": [{"StringLookup": {"num_oov_indices": 0}}]}}},
        epochs=2,
    )  # fmt: skip
    run = ms.load_spec(described).train(run_dir="labels")
    assert run.history["loss"] == pytest.approx(
        [a + b for a, b in zip(run.history["apart"], run.history["near"], strict=True)], rel=1e-5
    )
    given = columns()
    last = slice(ROWS - 9, None)
    outputs = run.model.predict({name: given[name][last] for name in ("x", "e")}, verbose=0)
    label = np.array([ord(word) - ord("a") for word in given["word"][last]])
    near = np.mean((outputs["z"][:, 0] - label) ** 2)
    assert run.history["val_near"][-1] == pytest.approx(float(near), rel=1e-4)


def test_a_term_that_does_not_fit_its_targets_is_reported_before_the_training() -> None:
    described = spec({"t": "sum(again * target.word, axis=-1)"},
                     data={"targets": {"word": {"column": "k"}}})  # fmt: skip
    with pytest.raises(RunError) as error:
        ms.load_spec(described).train(run_dir="wrong")
    (one,) = error.value.diagnostics
    assert one.code == "MS403" and "batch" in one.message


def test_a_compiled_step_trains_as_one_that_is_not() -> None:
    terms = {"t": "square(sqrt(sum(square(gradient(again, x)), axis=-1) + 1e-6) - 1)"}
    found = []
    for jit in (False, True):
        described = spec(terms, epochs=1, runtime={"jit": jit, "deterministic": False})
        found.append(ms.load_spec(described).train(run_dir=f"jit{jit}").model)
    for mine, theirs in zip(found[0].weights, found[1].weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-5)


# Killed ------------------------------------------------------------------------------------------

DRAWN = {
    "t": {
        "formula": "mean(square(m - random_normal(m, stddev=0.3)) * random_uniform(m), axis=-1)",
        "weight": "1 + epoch + step / 10",
    },
    "again": {"formula": "mean(square(a - b), axis=-1)", "from": {"a": "x", "b": "again"}},
}
KILLED = """
import json, os, signal, sys
from pathlib import Path
import modelspec as ms
from modelspec.runtime.run import Watcher, train

class Killer(Watcher):
    wants_steps = True
    def step(self, epoch, step, logs):
        if (epoch, step) >= (2, 2):
            os.kill(os.getpid(), signal.SIGKILL)

spec = ms.load_spec(json.loads(Path("spec.json").read_text()))
train(spec, run_dir=Path("killed"), watcher=Killer())
"""


def test_a_run_that_is_killed_ends_as_the_undisturbed_one() -> None:
    """To the bit: random numbers and weights of terms continue where the checkpoint was."""
    described = spec(DRAWN, epochs=4, checkpoint={"every": "2 steps"})
    whole = ms.load_spec(described).train(run_dir="whole")
    Path("spec.json").write_text(json.dumps(described), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", KILLED], check=False, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    again = resume("killed", watcher=Watcher())
    assert again.history == whole.history
    for mine, theirs in zip(again.model.weights, whole.model.weights, strict=True):
        assert np.array_equal(mine.numpy(), theirs.numpy())
    assert len(set(whole.history["val_t"])) == 4  # the model changes, the numbers drawn do not


# A script ----------------------------------------------------------------------------------------


def test_the_exported_script_measures_and_trains_the_same_terms() -> None:
    """Its class has the values of the run for the weights of the run, and trains with plain
    Keras.
    """
    import runpy

    from click.testing import CliRunner

    from modelspec.cli import main

    terms = {
        **DRAWN,
        "pairs": ORACLE["pairs"][0],
        "near": "square(m[:, 0] - target.k)",
        "penalty": "square(sqrt(sum(square(gradient(again, x)), axis=-1) + 1e-9) - 1)",
        "second": "sum(gradient(sum(square(gradient(z[:, 0], x)), axis=-1), x), axis=-1)",
    }
    described = spec(
        terms, loss={"again": "mse"}, epochs=1,
        data={"targets": {"again": {"column": "x"}, "k": {"column": "k"}}},
    )  # fmt: skip
    Path("spec.json").write_text(json.dumps(described), encoding="utf-8")
    run = ms.load_spec("spec.json").train(run_dir="scripted")
    done = CliRunner().invoke(main, ["export", "scripted", "--to", "python", "-o", "s.py"])
    assert done.exit_code == 0, done.output
    assert "targets that only terms read" in done.output
    script = runpy.run_path("s.py", run_name="exported")
    tensors: dict[str, Any] = {}
    model = script["build_model"](tensors)
    model.set_weights(run.model.get_weights())
    trained = script["Trained"](model, tensors)
    trained.compile(optimizer="sgd", loss={"again": "mse"})
    given = columns()
    last = slice(ROWS - 9, None)
    x = {name: given[name][last] for name in ("x", "e")}
    y = {"again": given["x"][last], "z": np.zeros(9), "k": given["k"][last]}
    found = trained.evaluate(x, y, verbose=0, return_dict=True)
    for name in ("again", "pairs", "near", "penalty", "second"):
        assert found[name] == pytest.approx(run.history[f"val_{name}"][0], rel=1e-4), name
    made = script["train"](
        {name: given[name][:32] for name in ("x", "e")},
        {"again": given["x"][:32], "z": np.zeros(32), "k": given["k"][:32]},
    )
    assert made.count_params() == run.model.count_params()
