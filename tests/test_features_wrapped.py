"""A list of layers, or something shared, inside a wrapper, from the spec to training."""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms

CHAIN: list[Any] = [{"Conv2D": {"filters": 2, "kernel_size": 3, "name": "see"}}, "Flatten"]


def spec_of(*layers: Any, **model: Any) -> dict[str, Any]:
    return {"model": {"inputs": {"frames": [3, 6, 6, 1]}, **model, "layers": list(layers)}}


def shapes(spec: dict[str, Any]) -> list[Any]:
    return [layer.output_shape for layer in ms.load_spec(spec).graph.layers]


def test_a_list_is_a_chain_for_every_step() -> None:
    spec = spec_of({"TimeDistributed": CHAIN}, {"LSTM": 4}, {"Dense": 1})
    assert shapes(spec) == [(None, 3, 4, 4, 2), (None, 3, 32), (None, 4), (None, 1)]


def test_the_entry_has_its_name_and_takes_what_it_says() -> None:
    entry = {"TimeDistributed": {"layer": CHAIN, "name": "seen", "from": "frames"}}
    spec = spec_of({"Flatten": {"name": "flat"}}, entry, {"LSTM": {"units": 4, "from": "seen"}})
    spec["model"]["outputs"] = ["flat", "lstm"]
    names = [layer.name for layer in ms.load_spec(spec).graph.layers]
    assert names == ["flat", "see", "seen", "lstm"]


@pytest.mark.tensorflow
@pytest.mark.parametrize("shared", [False, True])
def test_it_gives_what_keras_gives_and_trains(shared: bool) -> None:
    import keras
    import numpy as np

    held: Any = "cnn" if shared else CHAIN
    more = {"shared": {"cnn": CHAIN}} if shared else {}
    spec = spec_of({"TimeDistributed": held}, {"LSTM": 4}, {"Dense": 1}, **more)
    model = ms.load_spec(spec).build()
    inner = keras.Sequential([keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
    same = keras.Sequential(
        [
            keras.Input((3, 6, 6, 1)),
            keras.layers.TimeDistributed(inner),
            keras.layers.LSTM(4),
            keras.layers.Dense(1),
        ]
    )
    same.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6, 1)).astype("float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), same.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )
    model.compile("sgd", "mse")
    before = [weight.copy() for weight in model.get_weights()]
    model.fit(x, np.ones((2, 1)), verbose=0)
    assert all(np.any(one != other) for one, other in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "entry",
    [
        {"Bidirectional": [{"LSTM": 4}]},
        {"TimeDistributed": []},
        {"TimeDistributed": {"layer": CHAIN, "units": 3}},
    ],
)
def test_what_a_chain_of_steps_cannot_be_is_one_fault(entry: Any) -> None:
    found = ms.check(spec_of(entry, {"Dense": {"units": 1}})).diagnostics
    assert [one.code for one in found] == ["MS209"]
