"""`call: {training: ...}` holds a layer in one mode, in training and in prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(0).normal(3, 2, (64, 6, 8)).astype("float32")
ACTIVE: list[Any] = [
    {"Dropout": {"rate": 0.5}},
    {"GaussianNoise": {"stddev": 1.0}},
    {"AlphaDropout": {"rate": 0.3}},
    {"LSTM": {"units": 3, "dropout": 0.5}},
    {"Bidirectional": {"layer": {"GRU": {"units": 3, "recurrent_dropout": 0.5}}}},
    {"TimeDistributed": {"layer": {"Dropout": 0.5}}},
    {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "dropout": 0.5}},
    {"inner": {}},
    {"block": {}},
]


def built(entry: dict[str, Any], training: bool | None) -> Any:
    """A model of one layer, whose call says `training` or leaves it open."""
    ((kind, body),) = entry.items()
    call = {} if training is None else {"call": {"training": training}}
    source = {"from": {"query": "x", "value": "x"}} if kind == "MultiHeadAttention" else {}
    of_block = {
        "layers": [{"Dropout": {"rate": 0.5, **call}}]
    }  # a block is no layer: the call inside it has the mode
    return ms.load_spec(
        {
            "seed": 1,
            "blocks": {"block": of_block} if kind == "block" else {},
            "model": {
                "inputs": {"x": [6, 8]},
                "shared": {"inner": [{"Dense": 4}, {"Dropout": 0.5}]} if kind == "inner" else {},
                "layers": ["block" if kind == "block" else {kind: {**body, **call, **source}}],
            },
        }
    ).build()


def spread(model: Any, training: bool) -> float:
    """How far two calls are from each other."""
    one, other = (np.asarray(model(X, training=training)) for _ in range(2))
    return float(np.abs(one - other).max())


@pytest.mark.parametrize("entry", ACTIVE, ids=lambda entry: next(iter(entry)))
def test_a_layer_stays_in_the_mode_that_its_call_has(entry: dict[str, Any]) -> None:
    free, off, on = built(entry, None), built(entry, False), built(entry, True)
    assert spread(free, True) > 0 and spread(free, False) == 0
    assert spread(off, True) == 0
    assert spread(on, False) > 0


def test_a_model_with_such_a_call_is_saved_as_any_other(tmp_path: Path) -> None:
    import keras

    model = built({"inner": {}}, False)
    model.save(tmp_path / "model.keras")
    plain = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(np.asarray(plain(X)), np.asarray(model(X)))


def test_statistics_of_a_batch_normalization_that_stays_in_inference_do_not_move() -> None:
    layers: list[Any] = [
        {"BatchNormalization": {"call": {"training": False}, "name": "norm"}},
        {"Dense": 1},
    ]
    loss = {"loss": "mse", "optimizer": "sgd"}
    for held in (True, False):
        if not held:
            layers[0] = {"BatchNormalization": {"name": "norm"}}
        model = ms.load_spec(
            {"model": {"inputs": {"x": [8]}, "layers": layers}, "training": loss}
        ).build()
        model.fit(X[:, 0], X[:, 0, :1], verbose=0)
        moved = bool(np.any(np.asarray(model.get_layer("norm").moving_mean)))
        assert moved is not held
