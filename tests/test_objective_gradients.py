"""`gradient(y, x)` in terms, against the tapes of TensorFlow: of inputs, of tensors inside the model
(also one of several outputs of a shared model), with targets, and nested three times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow


def test_gradients_are_those_of_tapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import tensorflow as tf

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez(
        "d.npz",
        x=rng.normal(size=(8, 3)).astype("float32"),
        y=rng.normal(size=(8, 1)).astype("float32"),
    )
    pair = {
        "inputs": {"z": [3]},
        "layers": [
            {"Dense": {"units": 3, "activation": "tanh", "name": "a"}},
            {"Dense": {"units": 3, "activation": "tanh", "from": "z", "name": "b"}},
        ],
        "outputs": ["a", "b"],
    }
    innermost = "sum(square(gradient(y, h)), axis=-1)"
    second = f"sum(square(gradient({innermost}, h)), axis=-1)"
    given = {
        "model": {
            "inputs": {"x": [3]},
            "shared": {"pair": pair},
            "layers": [
                {"pair": {"name": "l"}},
                {"Multiply": {"from": ["l.a", "l.b"], "name": "g"}},
                {"Dense": {"units": 2, "activation": "tanh", "name": "h"}},
                {"Dense": {"units": 1, "activation": "tanh", "name": "y"}},
            ],
        },
        "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": {"y": "y"}},
        "training": {
            "loss": "mse",
            "batch_size": 8,
            "objective": {
                "inside": "mean(square(gradient(y, g)), axis=-1)",
                "state": {
                    "formula": "sum(square(gradient(y, s)), axis=-1)",
                    "from": {"y": "y", "s": "l.b"},
                },
                "second": "sum(square(gradient(gradient(y, x), x)), axis=-1)",
                "third": f"sum(square(gradient({second}, h)), axis=-1)",
                "target": "sum(square(gradient(square(y - target.y), x)), axis=-1)",
            },
        },
    }
    spec = ms.load_spec(given)
    history = spec.train(run_dir="run").history
    layers = [spec.build().get_layer(name) for name in ("pair", "h", "y")]
    x, target = (tf.constant(np.load("d.npz")[name]) for name in ("x", "y"))
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape(persistent=True) as middle:
            middle.watch(x)
            with tf.GradientTape(persistent=True) as inner:
                inner.watch(x)
                first_, state = layers[0](x)
                g = first_ * state
                h = layers[1](g)
                y = layers[2](h)
                error = (y - target) ** 2
            by_x = inner.gradient(y, x)
            first = tf.reduce_sum(inner.gradient(y, h) ** 2, axis=-1)
        second_ = tf.reduce_sum(middle.gradient(first, h) ** 2, axis=-1)
    wanted = {
        "inside": tf.reduce_mean(inner.gradient(y, g) ** 2, axis=-1),
        "state": tf.reduce_sum(inner.gradient(y, state) ** 2, axis=-1),
        "second": tf.reduce_sum(middle.gradient(by_x, x) ** 2, axis=-1),
        "third": tf.reduce_sum(outer.gradient(second_, h) ** 2, axis=-1),
        "target": tf.reduce_sum(inner.gradient(error, x) ** 2, axis=-1),
    }
    for name, values in wanted.items():
        assert history[name][0] == pytest.approx(float(tf.reduce_mean(values)), rel=1e-4), name
