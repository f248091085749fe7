"""Stateful recurrent layers: their states are saved with a checkpoint, and what is measured begins
without any.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelspec.runtime.backend.process_state import own_state

pytestmark = pytest.mark.tensorflow


def model_of(layers: list[Any]) -> Any:
    import keras

    given = keras.Input((5, 2), batch_size=4)
    tensor = given
    for layer in layers:
        tensor = layer(tensor)
    model = keras.Model(given, tensor)
    model.compile("sgd", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def stacks() -> dict[str, list[Any]]:
    from keras import layers

    return {
        "LSTM": [layers.LSTM(3, stateful=True)],
        "GRU on LSTM": [
            layers.LSTM(3, stateful=True, return_sequences=True),
            layers.GRU(2, stateful=True),
        ],
        "cells of an RNN": [layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], stateful=True)],
        "Bidirectional": [layers.Bidirectional(layers.SimpleRNN(2, stateful=True))],
    }


@pytest.mark.parametrize("name", ["LSTM", "GRU on LSTM", "cells of an RNN", "Bidirectional"])
@own_state()
def test_a_checkpoint_has_the_states(name: str) -> None:
    """The same batch gives the same outputs again from what was captured, and others without."""
    from modelspec.runtime.run.training_state import State

    model = model_of(stacks()[name])
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 4, 5, 2)).astype("float32")
    model(first)
    state = State(model, [])
    tensors, values = state.capture()
    after = np.asarray(model(second))
    assert not np.array_equal(np.asarray(model(second)), after)
    state.restore(tensors, values)
    assert np.array_equal(np.asarray(model(second)), after)


def test_what_is_measured_depends_on_weights_and_data_alone() -> None:
    """Twice the same, and the training goes on from its own states."""
    import keras
    import tensorflow as tf

    from modelspec.runtime.run.layer_states import state_variables
    from modelspec.runtime.run.step import TestSteps

    model = model_of(stacks()["LSTM"])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 5, 2)).astype("float32"), rng.normal(size=(8, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    model.layers[-1].reset_state()
    right = [np.asarray(model(x[start : start + 4])) for start in (0, 4)]
    expected = float(((np.concatenate(right) - y) ** 2).mean())
    states = [keras.ops.convert_to_numpy(one) for one in state_variables(model)]
    assert any(one.any() for one in states)
    steps = TestSteps(model)
    for _ in range(2):
        with steps.measuring():
            logs = steps(iter(data), 2)
        assert float(logs["loss"]) == pytest.approx(expected, rel=1e-6)
        for variable, before in zip(state_variables(model), states, strict=True):
            assert np.array_equal(np.asarray(variable), before)
