"""One step before the training: what fails there is said in seconds, at its place; and nothing of
it is left behind.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.data import RunError
from modelspec.runtime.run import train, trial

pytestmark = pytest.mark.tensorflow

SPEC = """
seed: 3
model:
  inputs: {x: {shape: [4], batch_size: 8}}
  layers:
    - Dense: {units: 4, name: größe}
    - BatchNormalization
    - Dropout: 0.3
    - Reshape: [4, 1]
    - LSTM: {units: 2, stateful: true, name: memory}
    - Dense: {units: 1, activation: sigmoid, name: verdict}
data:
  source: {csv: table.csv}
  split: {validation: 0.5}
  inputs: {x: [a, b, c, d]}
  targets: y
training:
  loss: binary_crossentropy
  metrics: [accuracy, {F1Score: {average: null, threshold: 0.5, name: f1 score}}]
  optimizer: {Adam: {learning_rate: 0.01, use_ema: true}}
  batch_size: 8
  epochs: 2
  callbacks:
    - ReduceLROnPlateau: {monitor: loss, patience: 1}
    - EarlyStopping: {monitor: val_f1 score, patience: 3, restore_best_weights: true}
    - ModelCheckpoint: {filepath: "best-{epoch}-{val_loss:.2f}.keras"}
    - CSVLogger: {filename: rows.csv}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ms.Spec:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 4))
    table = np.c_[x, x.sum(1) > 0]
    head, form = "a,b,c,d,y", ["%.5f"] * 4 + ["%d"]
    np.savetxt("table.csv", table, form, ",", header=head, comments="")
    Path("spec.yaml").write_text(SPEC, encoding="utf-8")
    return ms.load_spec("spec.yaml")


def test_a_rehearsal_leaves_no_trace(
    spec: ms.Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """History, files and every bit of the weights are those of a training without it."""
    from modelspec.runtime.run.training_loop import Fitting

    random.seed(1)
    with_it = train(spec, tmp_path / "with")
    drawn = random.random()
    monkeypatch.setattr(Fitting, "rehearse", lambda fitting, callbacks: None)
    random.seed(1)
    without = train(spec, tmp_path / "without")
    assert random.random() == drawn
    assert with_it.history == without.history
    pairs = zip(with_it.model.weights, without.model.weights, strict=True)
    assert all(np.array_equal(one.numpy(), other.numpy()) for one, other in pairs)
    files = [{one.name for one in (tmp_path / run).iterdir()} for run in ("with", "without")]
    assert files[0] == files[1]
    assert (tmp_path / "with" / "rows.csv").read_bytes() == (
        tmp_path / "without" / "rows.csv"
    ).read_bytes()


REASON = "the reason of the backend"


def raising(words: str) -> Any:
    def fail(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(words)

    return fail


@pytest.mark.parametrize(
    ("place", "method", "what", "text"),
    [
        ("layers.Dense", "call", "layer `größe`", "Dense"),
        ("layers.LSTMCell", "call", "layer `memory`", "LSTM"),
        ("metrics.F1Score", "update_state", "metric `F1Score`", "F1Score"),
        ("losses.BinaryCrossentropy", "call", "loss `binary_crossentropy`", "binary_crossentropy"),
        ("optimizers.Adam", "update_step", "optimizer `Adam`", "Adam"),
        ("callbacks.CSVLogger", "on_epoch_end", "callback `CSVLogger`", "CSVLogger"),
    ],
)
def test_what_fails_in_a_step_is_named_at_its_place(
    spec: ms.Spec, monkeypatch: pytest.MonkeyPatch, place: str, method: str, what: str, text: str
) -> None:
    import keras

    from modelspec.runtime.run.training_loop import Fitting

    module, name = place.split(".")
    rehearse = Fitting.rehearse

    def failing(fitting: Any, callbacks: Any) -> None:
        """The model is built by then."""
        with monkeypatch.context() as patched:
            patched.setattr(getattr(getattr(keras, module), name), method, raising(REASON))
            rehearse(fitting, callbacks)

    monkeypatch.setattr(Fitting, "rehearse", failing)
    with pytest.raises(RunError) as raised:
        trial(spec)
    [found] = raised.value.diagnostics
    assert (found.code, found.message) == (
        "MS727",
        f"one step of the training fails in {what}: {REASON}",
    )
    assert found.span is not None
    assert text in found.span.text
