"""`training.freeze`: Keras leaves as it is what a pattern names, as many weights as the patterns of
`cases/freeze` have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

MODEL: dict[str, Any] = {
    "inputs": {"left": [4], "right": [4]},
    "shared": {
        "encoder": [
            {"Dense": {"units": 6, "name": "deep"}},
            {"BatchNormalization": {"name": "scaled"}},
        ],
        "judge": {"Dense": {"units": 2}},
    },
    "layers": [
        {"encoder": {"from": "left", "name": "a"}},
        {"encoder": {"from": "right", "name": "b"}},
        {"Concatenate": {"from": ["a", "b"], "name": "both"}},
        {"Dense": {"units": 6, "name": "block_1"}},
        {"Bidirectional": {"layer": {"LSTM": 3}, "from": "steps", "name": "read"}},
        {"judge": {"name": "verdict", "from": "block_1"}},
        {"Concatenate": {"from": ["verdict", "read"], "name": "out"}},
    ],
}
MODEL["inputs"]["steps"] = [5, 2]


def spec(freeze: Any, **training: Any) -> dict[str, Any]:
    return {"model": MODEL, "training": {"loss": "mse", "freeze": freeze, **training}}


DEEP, SCALED, BLOCK, READ, JUDGE = (
    4 * 6 + 6,
    4 * 6,
    12 * 6 + 6,
    2 * 4 * (2 * 3 + 3 * 3 + 3),
    6 * 2 + 2,
)
ALL = DEEP + SCALED - 2 * 6 + BLOCK + READ + JUDGE
"""Trainable while nothing is frozen: all but the moving averages of `scaled`."""
PATTERNS = [
    ([], 0),
    ("block_1", BLOCK),
    (["block_*"], BLOCK),
    (["encoder"], DEEP + SCALED - 12),
    (["encoder/deep"], DEEP),
    (["enc*/s*"], SCALED - 12),
    (["encoder/*"], DEEP + SCALED - 12),
    (["judge", "read"], JUDGE + READ),
    (["[er]*"], DEEP + SCALED - 12 + READ),
    (["block_?", "encoder/deep", "block_1"], BLOCK + DEEP),
]


@pytest.mark.tensorflow
@pytest.mark.parametrize(("freeze", "frozen"), PATTERNS, ids=str)
def test_keras_freezes_the_same(freeze: Any, frozen: int) -> None:
    model = ms.load_spec(spec(freeze)).build()
    assert sum(int(weight.numpy().size) for weight in model.trainable_weights) == ALL - frozen


@pytest.mark.tensorflow
def test_frozen_layers_stay_and_normalize_as_they_did() -> None:
    import numpy as np

    model = ms.load_spec(spec(["encoder", "read"])).build()
    before = {weight.path: weight.numpy() for weight in model.weights}
    rng = np.random.default_rng(0)
    given = {name: rng.normal(size=(16, *shape)) for name, shape in MODEL["inputs"].items()}
    model.fit(given, rng.normal(size=(16, 8)), verbose=0)
    for weight in model.weights:
        stays = (
            weight.path.startswith(("encoder", "deep", "scaled", "read")) or "lstm" in weight.path
        )
        assert bool((weight.numpy() == before[weight.path]).all()) == (
            stays or "seed" in weight.path
        ), weight.path


@pytest.mark.tensorflow
def test_a_run_starts_from_a_file_and_never_reads_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    from modelspec.runtime.run.open_run import open_run

    monkeypatch.chdir(tmp_path)
    text = """
seed: 3
model:
  inputs: {x: [4]}
  layers:
    - Dense: {units: 8, activation: relu, name: body}
    - Dense: {units: 3, activation: softmax, name: kind}
data:
  source: {dataset: iris}
  split: {validation: 0.2, test: 0.2}
  inputs: {x: {columns: [sepal_length, sepal_width, petal_length, petal_width]}}
  targets: {kind: {column: target}}
training: {loss: sparse_categorical_crossentropy, metrics: [accuracy], freeze: [body], weights: start.weights.h5}
"""
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    plain = ms.load_spec(
        "spec.yaml", overrides={"training.weights": None, "training.freeze": [], "seed": 9}
    ).build()
    plain.save_weights("start.weights.h5")
    run = ms.load_spec("spec.yaml").train(run_dir="run")
    for ours, start in zip(
        run.model.get_layer("body").weights, plain.get_layer("body").weights, strict=True
    ):
        np.testing.assert_array_equal(ours.numpy(), start.numpy())
    assert not (
        run.model.get_layer("kind").get_weights()[0] == plain.get_layer("kind").get_weights()[0]
    ).all()
    (tmp_path / "start.weights.h5").unlink()
    saved = open_run(tmp_path / "run")
    model = saved.model(measured=True)
    for ours, theirs in zip(model.weights, run.model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert not model.get_layer("body").trainable_weights
