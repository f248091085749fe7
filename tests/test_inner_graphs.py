"""Graphs of training and measuring, which do not stay in memory, and models of inner tensors."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow


def test_the_table_of_gradients_does_not_grow() -> None:
    """`silu` has a gradient of its own. What other functions need stays, also if they are traced
    inside.
    """
    import tensorflow as tf
    from tensorflow.python.framework import ops

    from modelspec.runtime.backend.traced import traced

    doubled = tf.custom_gradient(lambda x: (x + x, lambda upstream: 3.0 * upstream))
    of_another = tf.function(lambda x: doubled(x))

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.cond(x > 0, lambda: doubled(tf.nn.silu(x)), lambda: doubled(x))
        return tape.gradient(y, x)

    registered = ops.gradient_registry._registry
    before = set(registered)
    ours = traced(step)
    assert float(ours(tf.constant(-1.0))) == 3.0
    assert set(registered) == before
    traced(lambda x: of_another(x))(tf.constant(2.0))
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = of_another(x)
    assert float(tape.gradient(y, x)) == 3.0


def test_trainings_leave_no_graph(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=np.zeros((8, 2), "float32"), y=np.arange(8) % 2)
    spec = ms.load_spec(
        {
            "model": {
                "inputs": {"x": [2]},
                "layers": [
                    {"Dense": {"units": 4, "activation": "silu"}},
                    {"Dense": {"units": 2, "activation": "softmax"}},
                ],
            },
            "data": {
                "source": {"npz": "d.npz"},
                "inputs": {"x": "x"},
                "targets": {"column": "y"},
            },
            "training": {"loss": "sparse_categorical_crossentropy", "epochs": 1},
        }
    )
    spec.train("first")
    before = _graphs()
    spec.train("second")
    assert _graphs() <= before


def _graphs() -> int:
    gc.collect()
    return sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())


def test_inner_tensors_of_sub_models_with_equal_names(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras creates no model of layers with equal names; those of different sub-models may be."""
    import numpy as np

    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=np.ones((8, 2), "float32"), y=np.ones((8, 1), "float32"))
    part = [{"Dense": {"units": 2, "name": "inner"}}]
    spec = ms.load_spec(
        {
            "model": {
                "inputs": {"x": [2]},
                "shared": {"first": part, "second": part},
                "layers": ["first", "second", {"Dense": {"units": 1, "name": "y"}}],
            },
            "data": {"source": {"npz": "d.npz"}, "inputs": "x", "targets": "y"},
            "training": {"loss": "mse", "epochs": 1},
        }
    )
    run = spec.train("run")
    names = [one.name for one in run.model.layers]
    found = run.predict({"x": np.ones((1, 2), "float32")}, layers=["first/inner", "second/inner"])
    first, second = (run.model.get_layer(name).layers[-1] for name in ("first", "second"))
    expected = first(np.ones((1, 2), "float32"))
    np.testing.assert_allclose(found["first/inner"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["second/inner"], second(expected), rtol=1e-5)
    assert [one.name for one in run.model.layers] == names
