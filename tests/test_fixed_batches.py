"""An input whose batches have one size, two outputs, and weights for one of their losses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError
from modelspec.runtime.run import evaluate, predict, train

pytestmark = pytest.mark.tensorflow

SPEC = {
    "model": {
        "inputs": {"x": {"shape": [2], "batch_size": 4}},
        "layers": [
            {"Reshape": [2, 1]},
            {"SimpleRNN": {"units": 2, "stateful": True, "name": "seen"}},
            {"Dense": {"units": 1, "name": "price"}},
            {"Dense": {"units": 1, "from": "seen", "name": "rent"}},
        ],
        "outputs": ["price", "rent"],
    },
    "data": {
        "train": {"csv": "t.csv"},
        "inputs": {"x": ["a", "b"]},
        "targets": {"price": {"column": "p"}, "rent": {"column": "r"}},
    },
    "training": {
        "loss": {"price": "mse", "rent": "mae"},
        "loss_weights": {"rent": 3.0},
        "optimizer": {"SGD": 0.0},
        "batch_size": 4,
    },
}


def test_the_last_batch_of_predictions_is_filled_up_and_an_evaluation_says_that_it_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(8, 4)).round(5)
    for name, count in (("t", 8), ("six", 6)):
        np.savetxt(f"{name}.csv", rows[:count], "%.5f", ",", header="a,b,p,r", comments="")
    run = train(ms.load_spec(SPEC), tmp_path / "run")
    history = {name: values[0] for name, values in run.history.items()}
    # A loss without a weight counts once.
    total = history["price_loss"] + 3 * history["rent_loss"]
    assert history["loss"] == pytest.approx(total, rel=1e-5)

    found = predict(tmp_path / "run", "six.csv").outputs
    kernel, recurrent, bias, *heads = (one.numpy().astype("float64") for one in run.model.weights)
    state = np.zeros((4, 2))
    wanted = []
    for first in (0, 4):  # each example of a batch goes on from the one before it in its place
        batch = rows[np.minimum(np.arange(first, first + 4), 5), :2]
        for step in range(2):
            state = np.tanh(batch[:, step : step + 1] @ kernel + state @ recurrent + bias)
        wanted.append(state @ heads[0] + heads[1])
    assert found["price"].shape == (6, 1)
    np.testing.assert_allclose(found["price"], np.concatenate(wanted)[:6], rtol=1e-4, atol=1e-6)

    assert evaluate(tmp_path / "run", "t.csv").metrics["loss"] > 0
    with pytest.raises(RunError) as raised:
        evaluate(tmp_path / "run", "six.csv")
    [short] = raised.value.diagnostics
    assert (short.code, "last one of six.csv would have 2" in short.message) == ("MS624", True)
