"""Names that TensorFlow refuses as they are: a spec with them trains, and shows them as written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import modelspec as ms
from modelspec.runtime.backend.inner_names import inner_name, spec_name

ODD = [
    "größe",
    "_a",
    "__",
    "a b",
    "a+b",
    "a-b",
    "1a",
    "日本",
    "a_20_b",
    "A",
    "Größe 2",
    "x_1",
    "-x",
    "a.b",
    ".5f.a",
    "\u00e9",
    "e\u0301",
    "\U0001d518x",
]
SCOPE = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")
"""What TensorFlow takes (`tensorflow/python/framework/ops.py`)."""


@pytest.mark.parametrize("name", ODD)
def test_every_name_has_a_name_that_tensorflow_takes_and_comes_back_from_it(name: str) -> None:
    inner = inner_name(name)
    assert SCOPE.fullmatch(inner)
    assert spec_name(inner) == name
    assert spec_name(f"val_{inner}_loss/{inner}/kernel") == f"val_{name}_loss/{name}/kernel"


def test_different_names_stay_different_and_plain_ones_as_they_are() -> None:
    assert len({inner_name(name) for name in ODD}) == len(ODD)
    assert [inner_name(name) for name in ("dense_1", "conv-2", "1a")] == ["dense_1", "conv-2", "1a"]


SPEC = """
model:
  inputs: {länge: [2], _b: [2]}
  shared:
    teil eins:
      inputs: {ein gang: [2]}
      layers: [{Dense: {units: 3, name: innen +1}}]
  layers:
    - teil eins: {from: länge, name: a+b}
    - teil eins: {from: _b, name: _zwei}
    - Concatenate: {from: [a+b, _zwei], name: beide zusammen}
    - Expression: {formula: "x * 2", from: {x: beide zusammen}, name: 2 mal}
    - Dense: {units: 1, activation: sigmoid, name: größe}
    - Dense: {units: 1, from: beide zusammen, name: _höhe}
  outputs: {größe: größe, zweite höhe: _höhe}
data:
  source: {csv: table.csv}
  split: {validation: 0.5}
  inputs: {länge: [a, b], _b: [c, d]}
  targets: {größe: {column: y}, zweite höhe: {column: z}}
training:
  loss: {größe: {BinaryCrossentropy: {name: mein verlust}}, zweite höhe: mse}
  metrics:
    größe: [accuracy, {AUC: {name: fläche unter}}]
    zweite höhe: [{R2Score: {name: _r 2}}, {formula: "abs(y_true - y_pred)", name: wie weit}]
  optimizer:
    MultiOptimizer:
      name: mein optimierer
      optimizer_map: {default_optimizer: {Adam: 0.1}, optimizer_map: {"größe/.*": {SGD: 0.0}}}
  batch_size: 8
  callbacks:
    - EarlyStopping: {monitor: val_größe_fläche unter, patience: 3}
    - ModelCheckpoint: {filepath: "best-{val_größe_loss:.1f}.keras"}
"""


@pytest.mark.tensorflow
def test_a_spec_with_such_names_trains_and_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    from safetensors.numpy import load_file

    from modelspec.runtime.backend import build
    from modelspec.runtime.backend.imported_weights import save
    from modelspec.runtime.run import train
    from modelspec.runtime.run.weight_reader import stored_weights

    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(32, 5))
    form = ["%.5f"] * 5 + ["%d"]
    np.savetxt("table.csv", np.c_[x, x.sum(1) > 0], form, ",", header="a,b,c,d,z,y", comments="")
    Path("mein modell ü.yaml").write_text(SPEC, encoding="utf-8")
    run = train(ms.load_spec("mein modell ü.yaml"), tmp_path / "run")
    assert {"größe_loss", "val_größe_fläche unter", "zweite höhe__r 2"} <= set(run.history)
    assert {"zweite höhe_wie weit", "val_größe_accuracy"} <= set(run.history)
    # The weights by the names of the spec: read without a framework, and from a file of ours.
    wanted = {"teil eins/innen +1/kernel", "größe/kernel", "größe/bias", "_höhe/kernel"}
    with stored_weights(tmp_path / "run") as stored:
        assert wanted <= set(stored)
        assert np.array_equal(stored["größe/bias"].read(), [0.0]), "trained at a rate of 0"
    save(run.model, Path("w.safetensors"))
    assert {"größe/kernel", "_höhe/bias", "innen +1/kernel"} <= set(load_file("w.safetensors"))
    # Plain Keras loads the model; a spec starts from its file.
    rows = {name: np.ones((3, 2), "float32") for name in ("länge", "_b")}
    plain = keras.models.load_model(tmp_path / "run" / "model.keras")
    found = run.model.predict(rows, verbose=0)
    for name, values in plain.predict(rows, verbose=0).items():
        assert np.array_equal(values, found[name])
    for file in ("run/model.keras", "w.safetensors"):
        compiled = ms.load_spec("mein modell ü.yaml", {"training.weights": file}).compiled
        pairs = zip(build(compiled).weights, run.model.weights, strict=True)
        assert all(np.array_equal(one.numpy(), other.numpy()) for one, other in pairs), file
