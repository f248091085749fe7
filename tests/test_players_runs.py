"""Trainings with players: weights against the same training written by hand in Keras, runs that are
killed, precision, and what is done with a finished run.
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

ROWS, SIZE = 36, 16
SHARED: dict[str, Any] = {
    "generator": [{"Dense": {"units": 6, "activation": "tanh"}}, {"Dense": 2}],
    "critic": [
        {"Dense": {"units": 6, "activation": "tanh", "kernel_regularizer": {"L2": 0.01}}},
        {"Dense": 1},
    ],
}
LAYERS: list[Any] = [
    {"generator": {"from": "noise", "name": "made"}},
    {"critic": {"from": "real", "name": "on_real"}},
    {"critic": {"from": "made", "name": "on_made"}},
]
CRITIC: dict[str, Any] = {
    "trains": ["critic"],
    "objective": {"real": "softplus(-on_real)",
                  "made": {"formula": "softplus(on_made)", "weight": "1 + step / 10"}},
    "optimizer": {"Adam": {"learning_rate": 0.01}},
    "updates": 2,
}  # fmt: skip
GENERATOR: dict[str, Any] = {
    "trains": ["generator"],
    "objective": {"fool": "softplus(-on_made)"},
    "optimizer": {"SGD": {"learning_rate": 0.05, "momentum": 0.9}},
}


def spec(players: Any = None, **changed: Any) -> dict[str, Any]:
    """A GAN on the rows of `d.npz`."""
    training = {
        "players": players or {"critic": CRITIC, "generator": GENERATOR},
        "epochs": 3,
        "batch_size": SIZE,
        **changed.pop("training", {}),
    }
    return {
        "seed": 3,
        "model": {
            "inputs": {"real": [2], "noise": [3]},
            "shared": changed.pop("shared", SHARED),
            "layers": changed.pop("layers", LAYERS),
            "outputs": ["made", "on_real", "on_made"],
        },
        "data": {
            "source": {"npz": "d.npz"},
            "split": {"column": "part"},
            "inputs": {"real": "x", "noise": {"random": "normal"}},
            **changed.pop("data", {}),
        },
        "training": training,
        **changed,
    }


def columns() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {
        "x": rng.normal(loc=(2, -1), size=(ROWS, 2)).astype("float32"),
        "e": rng.normal(size=(ROWS, 3)).astype("float32"),
        "k": rng.integers(0, 2, size=ROWS),
        "part": np.array(["train"] * 28 + ["validation"] * 8),
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", **columns())


def assert_equal(first: Any, second: Any, tolerance: float = 0.0) -> None:
    for mine, theirs in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=0, atol=tolerance)


# By hand -----------------------------------------------------------------------------------------


def by_hand(model: Any, drawn: Any, epochs: int) -> dict[str, list[float]]:
    """Trains the GAN with Keras and plain TensorFlow; `drawn` gives the noise of an update. Returns
    the loss of each player by epoch.
    """
    import keras
    import tensorflow as tf

    from modelspec.runtime.data.batches import order

    critic, generator = model.get_layer("critic"), model.get_layer("generator")
    of_critic = keras.optimizers.Adam(learning_rate=0.01)
    of_generator = keras.optimizers.SGD(learning_rate=0.05, momentum=0.9)
    x, rows, step = columns()["x"], 28, 0
    found: dict[str, list[float]] = {"critic_loss": [], "generator_loss": []}
    for epoch in range(epochs):
        chosen, totals = order(3, epoch, rows), [0.0, 0.0]
        for number, start in enumerate(range(0, rows, SIZE)):
            real = tf.constant(x[chosen[start : start + SIZE]])
            for update in range(2):
                noise = drawn(len(real), epoch, number, step, update)
                with tf.GradientTape() as tape:
                    made = generator(noise, training=True)
                    loss = tf.reduce_mean(tf.nn.softplus(-critic(real, training=True)))
                    on_made = tf.reduce_mean(tf.nn.softplus(critic(made, training=True)))
                    loss += (1 + step / 10) * on_made
                    loss += 0.01 * tf.reduce_sum(critic.layers[1].kernel ** 2)
                trained = critic.trainable_variables
                of_critic.apply(tape.gradient(loss, trained), trained)
                totals[0] += float(loss) * len(real) / 2
            noise = drawn(len(real), epoch, number, step, 2)
            with tf.GradientTape() as tape:
                made = generator(noise, training=True)
                loss = tf.reduce_mean(tf.nn.softplus(-critic(made, training=True)))
            trained = generator.trainable_variables
            of_generator.apply(tape.gradient(loss, trained), trained)
            totals[1] += float(loss) * len(real)
            step += 1
        found["critic_loss"].append(totals[0] / rows)
        found["generator_loss"].append(totals[1] / rows)
    return found


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> tuple[ms.Spec, Any, Path]:
    """The spec, and its run in a folder of its own."""
    place = tmp_path_factory.mktemp("gan")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        np.savez("d.npz", **columns())
        Path("spec.json").write_text(json.dumps(spec()), encoding="utf-8")
        loaded = ms.load_spec("spec.json")
        return loaded, loaded.train(run_dir=place / "run"), place


def test_players_train_as_written_by_hand(gan: Any) -> None:
    """Weights to 1e-5: two updates of one player, a weight that grows with the steps, a regularizer,
    a short last batch, and new noise in each update. The generator meets the critic that was just
    updated.
    """
    from modelspec.runtime.data.random_inputs import random_inputs

    loaded, run, _ = gan
    noise, seen = random_inputs(loaded.compiled)["noise"], []

    def drawn(count: int, epoch: int, number: int, step: int, update: int) -> Any:
        made = noise.of_turn(count, step, update) if update else noise.of_step(count, epoch, number)
        seen.append(made.numpy())
        return made

    plain = loaded.build()
    losses = by_hand(plain, drawn, 3)
    assert_equal(run.model, plain, 1e-5)
    for name, values in losses.items():
        assert run.history[name] == pytest.approx(values, rel=1e-5)
    assert len({one[0, 0] for one in seen}) == len(seen) == 18
    assert "loss" not in run.history and "val_loss" not in run.history


def test_validation_values_are_those_of_numpy(gan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In inference mode, with the noise of each row, and the weights of the last step."""
    from modelspec.runtime.data.random_inputs import random_inputs

    loaded, run, place = gan
    monkeypatch.chdir(place)
    noise = np.asarray(random_inputs(loaded.compiled)["noise"].of_rows(np.arange(28, ROWS)))
    outputs = run.model.predict({"real": columns()["x"][28:], "noise": noise}, verbose=0)
    outputs = {name: np.asarray(one, "float64") for name, one in outputs.items()}
    kernel = np.asarray(run.model.get_layer("critic").layers[1].kernel, "float64")
    real = np.log1p(np.exp(-outputs["on_real"])).mean()
    made = np.log1p(np.exp(outputs["on_made"])).mean()
    expected = {
        "critic_loss": real + 1.5 * made + 0.01 * (kernel**2).sum(),  # after step 5
        "critic_real": real,
        "critic_made": made,
        "generator_loss": np.log1p(np.exp(-outputs["on_made"])).mean(),
        "generator_fool": np.log1p(np.exp(-outputs["on_made"])).mean(),
    }
    measured = evaluate("run", split="validation").metrics
    assert list(measured) == list(expected)
    for name, value in expected.items():
        assert run.history[f"val_{name}"][-1] == pytest.approx(value, rel=1e-5), name
        assert measured[name] == pytest.approx(value, rel=1e-5), name


# Killed ------------------------------------------------------------------------------------------

DRAWING: dict[str, Any] = {
    "generator": [{"Dense": {"units": 4}}, "BatchNormalization", {"Dropout": 0.3}, {"Dense": 2}],
    "critic": [{"Dense": {"units": 4, "activation": "tanh"}}, {"Dropout": 0.4}, {"Dense": 1}],
}
KILLED = """
import json, os, signal
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
    """To the bit: both optimizers, moving averages, dropout, random numbers in formulas and inputs, statistics, and
    the counters of a callback. Players may train the same layer, if both name it.
    """
    noisy = "softplus(-on_made + random_normal(on_made, stddev=0.1))"
    players = {
        "critic": {**CRITIC, "optimizer": {"Adam": {"learning_rate": 0.01, "use_ema": True}}},
        "generator": {**GENERATOR, "objective": {"fool": noisy},
                      "trains": ["generator", "critic/dense_1"]},
    }  # fmt: skip
    described = spec(
        players,
        shared=DRAWING,
        training={
            "checkpoint": {"every": "1 steps"},
            "callbacks": [{"ReduceLROnPlateau": {"monitor": "val_critic_real", "patience": 1}}],
        },
    )
    whole = ms.load_spec(described).train(run_dir="whole")
    Path("spec.json").write_text(json.dumps(described), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", KILLED], check=False, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    again = resume("killed", watcher=Watcher())
    assert again.history == whole.history
    assert_equal(again.model, whole.model)


# Precision, metrics, numbers that are not finite -------------------------------------------------


def test_players_train_in_half_precision_with_metrics_and_callbacks() -> None:
    """Each player has its own loss scale. Metrics of outputs compare them with targets."""
    described = spec(
        data={"targets": {"on_real": {"column": "k"}}},
        runtime={"precision": "mixed_float16"},
        training={
            "epochs": 2,
            "metrics": {"on_real": ["mae"]},
            "callbacks": [{"EarlyStopping": {"monitor": "val_critic_loss", "patience": 5,
                                             "restore_best_weights": True}}],
        },
    )  # fmt: skip
    run = ms.load_spec(described).train(run_dir="mixed")
    by_player = run.model.optimizer.by_player
    assert {type(one).__name__ for one in by_player.values()} == {"LossScaleOptimizer"}
    counts = {name: int(one.inner_optimizer.iterations) for name, one in by_player.items()}
    assert counts == {"critic": 8, "generator": 4}  # two steps in each epoch
    assert {"critic_loss", "on_real_mae", "val_on_real_mae"} <= set(run.history)
    best = min(run.history["val_critic_loss"])
    assert run.metrics["critic_loss"] == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("on_nan", ["stop", "skip"])
def test_a_step_in_which_an_update_is_not_finite(on_nan: str) -> None:
    """The run stops and names the player; or nothing of the step is kept, not even the updates of
    the player before.
    """
    given = columns()
    given["x"][3] = 60
    np.savez("d.npz", **given)
    fool = "softplus(-on_made) + 0 * mean(sqrt(50 - real[:, 0]))"
    players = {"critic": CRITIC, "generator": {**GENERATOR, "objective": {"fool": fool}}}
    loaded = ms.load_spec(spec(players, training={"epochs": 1, "batch_size": 28, "on_nan": on_nan}))
    if on_nan == "stop":
        with pytest.raises(RunError) as error:
            loaded.train(run_dir="stop")
        assert "`generator_loss` became NaN in step 1" in error.value.diagnostics[0].message
        return
    run = loaded.train(run_dir="skip")
    assert_equal(run.model, loaded.build())
    assert not any(int(one.iterations) for one in run.model.optimizer.by_player.values())


# After the training ------------------------------------------------------------------------------


def test_a_finished_run_is_used_as_any_other(gan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It predicts, is shown and exported; its model file loads in plain Keras."""
    import keras
    from click.testing import CliRunner

    from modelspec.cli import main

    _, run, place = gan
    monkeypatch.chdir(place)

    def done(*arguments: str) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    done("predict", "run", "--data", "d.npz", "-o", "p.csv")
    assert Path("p.csv").read_text(encoding="utf-8").startswith("row,made_0,made_1,on_real,on_made")
    assert "critic 2 updates with Adam, generator 1 update with SGD" in done("runs", "run")
    assert "critic 2 updates with Adam" in Path("run/report.html").read_text(encoding="utf-8")
    done("export", "run", "--to", "keras", "-o", "m.keras")
    refused = CliRunner().invoke(main, ["export", "run", "--to", "python", "-o", "s.py"])
    assert refused.exit_code == 3 and "MS763" in refused.output
    plain = keras.saving.load_model("run/model.keras")
    assert_equal(plain, run.model)
    with pytest.raises(NotImplementedError, match=r"spec\.train"):
        run.model.optimizer.apply([], [])  # as `model.fit` does
