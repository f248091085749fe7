"""Layers of modelspec's own: their numbers against loops and formulas, and that they survive
saving.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

KINDS = {
    "LocallyConnected1D": ({"filters": 3, "kernel_size": 3, "activation": "tanh"}, (8, 2)),
    "LocallyConnected2D": (
        {"filters": 3, "kernel_size": [3, 2], "strides": [2, 1], "padding": "same"},
        (5, 6, 2),
    ),
    "Highway": ({"activation": "relu", "gate_bias_initializer": {"Constant": -1.0}}, (5,)),
    "MaxoutDense": (
        {"units": 3, "kernel_regularizer": {"L2": 0.1}, "kernel_constraint": "non_neg"},
        (5,),
    ),
    "SReLU": ({"shared_axes": [1]}, (4, 3)),
    "ParametricSoftplus": ({}, (4, 3)),
    "LayerScale": ({"init_values": 0.5}, (4, 3)),
}


def numbers(*shape: int, seed: int = 0) -> Any:
    import numpy as np

    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(
    kind: str, settings: dict[str, Any], shape: tuple[int, ...], *, random: bool = True
) -> Any:
    """The model of a spec with the one layer, all its weights drawn."""
    spec = {
        "model": {"inputs": {"x": list(shape)}, "layers": [{kind: {**settings, "name": "own"}}]}
    }
    model = ms.load_spec(spec).build()
    if random:
        model.set_weights(
            [numbers(*weight.shape, seed=i) for i, weight in enumerate(model.get_weights())]
        )
    return model


def sigmoid(x: Any) -> Any:
    import numpy as np

    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("kernel", "strides", "sizes"),
    [
        ((3,), (1,), (8,)),
        ((2,), (3,), (8,)),
        ((3, 2), (1, 1), (5, 6)),
        ((2, 3), (2, 3), (7, 8)),
        ((1, 4), (3, 1), (4, 6)),
    ],
)
def test_locally_connected_is_a_loop_over_places(
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    sizes: tuple[int, ...],
    data_format: str,
    padding: str,
) -> None:
    """Each place multiplies its own patch, in Keras 2's order of weights, with its own kernel."""
    import numpy as np

    axes, channels, filters = len(kernel), 2, 3
    first = data_format == "channels_first"
    shape = (channels, *sizes) if first else (*sizes, channels)
    settings = {
        "filters": filters,
        "kernel_size": kernel,
        "strides": strides,
        "padding": padding,
        "data_format": data_format,
    }
    model = built(f"LocallyConnected{axes}D", settings, shape)
    weights, bias = model.get_weights()
    x = numbers(2, *shape, seed=9)
    last = np.moveaxis(x, 1, -1) if first else x
    if padding == "same":
        counts = tuple(-(-size // stride) for size, stride in zip(sizes, strides, strict=True))
        more = [
            max((n - 1) * s + k - size, 0)
            for n, s, k, size in zip(counts, strides, kernel, sizes, strict=True)
        ]
        last = np.pad(last, [(0, 0), *((m // 2, m - m // 2) for m in more), (0, 0)])
    else:
        counts = tuple(
            (size - k) // s + 1 for size, k, s in zip(sizes, kernel, strides, strict=True)
        )
    expected = np.zeros((2, *counts, filters), "float32")
    for index, place in enumerate(np.ndindex(*counts)):
        cut = tuple(slice(p * s, p * s + k) for p, s, k in zip(place, strides, kernel, strict=True))
        patch = last[(slice(None), *cut)]
        patch = (np.moveaxis(patch, -1, 1) if first else patch).reshape(2, -1)
        expected[(slice(None), *place)] = patch @ weights[index] + bias[place]
    given = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        given, np.moveaxis(expected, -1, 1) if first else expected, rtol=1e-4, atol=1e-5
    )


def test_a_locally_connected_layer_with_one_kernel_is_a_convolution() -> None:
    import keras
    import numpy as np

    x = numbers(2, 6, 5, 2)
    convolution = keras.layers.Conv2D(3, (3, 2), use_bias=False)
    expected = np.asarray(convolution(x))
    model = built(
        "LocallyConnected2D", {"filters": 3, "kernel_size": [3, 2], "use_bias": False}, (6, 5, 2)
    )
    kernel = convolution.get_weights()[0].reshape(1, -1, 3)
    model.set_weights([np.repeat(kernel, 4 * 4, axis=0)])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_highway_is_its_formula() -> None:
    """Equation 3 of https://arxiv.org/abs/1505.00387, with the carry gate 1 - T."""
    import numpy as np

    model, x = built("Highway", {"activation": "tanh"}, (3, 5)), numbers(2, 3, 5, seed=9)
    kernel, gate_kernel, bias, gate_bias = model.get_weights()
    gate = sigmoid(x @ gate_kernel + gate_bias)
    expected = gate * np.tanh(x @ kernel + bias) + (1 - gate) * x
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    shut = built("Highway", {"gate_bias_initializer": {"Constant": -50.0}}, (5,), random=False)
    np.testing.assert_allclose(shut.predict(x[0], verbose=0), x[0], atol=1e-5)


def test_the_two_kernels_of_a_highway_start_apart() -> None:
    import numpy as np

    kernel, gate_kernel, *_ = built("Highway", {}, (5,), random=False).get_weights()
    assert not np.allclose(kernel, gate_kernel)


def test_maxout_is_its_formula() -> None:
    """Section 3 of https://arxiv.org/abs/1302.4389."""
    import numpy as np

    model, x = built("MaxoutDense", {"units": 3, "pieces": 4}, (6, 5)), numbers(2, 6, 5, seed=9)
    kernel, bias = model.get_weights()
    expected = np.max([x @ kernel[piece] + bias[piece] for piece in range(4)], axis=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_srelu_is_its_formula() -> None:
    """Equation 1 of https://arxiv.org/abs/1512.07030, the right bend kept right of the left one."""
    import numpy as np

    model, x = built("SReLU", {}, (7, 3)), 3 * numbers(4, 7, 3, seed=9)
    left, a_left, distance, a_right = model.get_weights()
    right = left + np.abs(distance)
    expected = np.where(
        x >= right, right + a_right * (x - right), np.where(x > left, x, left + a_left * (x - left))
    )
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    assert (x >= right).any() and (x <= left).any() and ((x > left) & (x < right)).any()


def test_parametric_softplus_is_its_formula() -> None:
    import numpy as np

    x = numbers(4, 7, 3, seed=9)
    model = built("ParametricSoftplus", {"shared_axes": [1]}, (7, 3))
    alpha, beta = model.get_weights()
    assert alpha.shape == beta.shape == (1, 3)
    expected = alpha * np.log1p(np.exp(beta * x))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    fresh = built("ParametricSoftplus", {}, (7, 3), random=False).get_weights()
    assert (fresh[0] == np.float32(0.2)).all() and (fresh[1] == 5).all()


def test_layer_scale_is_its_formula() -> None:
    import numpy as np

    x = numbers(4, 7, 3, seed=9)
    model = built("LayerScale", {}, (7, 3))
    (gamma,) = model.get_weights()
    np.testing.assert_allclose(model.predict(x, verbose=0), x * gamma, rtol=1e-6)
    (fresh,) = built("LayerScale", {"init_values": 0.1}, (7, 3), random=False).get_weights()
    assert (fresh == np.float32(0.1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_layer_is_the_same_again(kind: str, tmp_path: Path) -> None:
    import numpy as np

    settings, shape = KINDS[kind]
    model, x = built(kind, settings, shape), numbers(3, *shape, seed=9)
    model.save(tmp_path / "m.keras")
    again = ms.load_model(tmp_path / "m.keras")
    assert again.get_layer("own").get_config() == model.get_layer("own").get_config()
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_learns_in_mixed_precision(kind: str) -> None:
    import numpy as np

    settings, shape = KINDS[kind]
    spec = {
        "runtime": {"precision": "mixed_bfloat16"},
        "model": {
            "inputs": {"x": list(shape)},
            "layers": [{kind: settings}, "Flatten", {"Dense": 1}],
        },
        "training": {"loss": "mse", "optimizer": {"SGD": 0.1}},
    }
    model = ms.load_spec(spec).build()
    layer = model.layers[1]
    assert layer.compute_dtype == "bfloat16" and {str(w.dtype) for w in layer.weights} == {
        "float32"
    }
    before = model.get_weights()
    model.fit(numbers(8, *shape), numbers(8, 1), epochs=1, verbose=0)
    after = model.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any(not np.array_equal(a, b) for a, b in zip(before[:-2], after[:-2], strict=True))


def test_a_mask_goes_through_where_every_step_stays_one() -> None:
    import keras
    import numpy as np

    from modelspec.runtime.backend import layers

    x = np.ones((1, 4, 3), "float32")
    x[:, 2:] = 0
    masked = keras.layers.Masking()(x)
    for layer in (
        layers.Highway(),
        layers.MaxoutDense(2),
        layers.SReLU(),
        layers.ParametricSoftplus(),
        layers.LayerScale(),
    ):
        mask = getattr(layer(masked), "_keras_mask", None)
        assert mask is not None and np.asarray(mask).tolist() == [[True, True, False, False]]
    with pytest.warns(UserWarning, match="does not support masking"):
        assert getattr(layers.LocallyConnected1D(2, 2)(masked), "_keras_mask", None) is None


def test_a_model_loads_in_a_process_of_its_own(tmp_path: Path) -> None:
    """With `modelspec.load_model`, and with plain Keras once the layers are imported; not
    without.
    """
    model = built("Highway", {}, (5,))
    model.save(tmp_path / "m.keras")
    load = f"keras.models.load_model({str(tmp_path / 'm.keras')!r})"
    script = f"""
import sys, modelspec
assert "keras" not in sys.modules
import keras
try:
    {load}
    sys.exit("loaded without the layers")
except TypeError:
    pass
assert modelspec.load_model({str(tmp_path / "m.keras")!r}).get_layer("own").built
assert {load}.get_layer("own").built
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
