"""Zero padding for a window, in Keras: what follows a padded tensor is what `padding: same`
gives.
"""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow


def both(axes: int, sizes: tuple[int, ...], kernel: int, stride: int) -> tuple[Any, Any]:
    """What a convolution gives behind the padding, and what it gives with `padding: same`."""
    import numpy as np

    window = {"kernel_size": kernel, "strides": stride}
    settings = {"filters": 2, **window, "kernel_initializer": {"GlorotUniform": {"seed": 1}}}
    model = ms.load_spec(
        {
            "model": {
                "inputs": {"x": [*sizes, 3]},
                "outputs": ["padded", "same"],
                "layers": [
                    {f"ZeroPadding{axes}D": {"padding": window, "name": "pad"}},
                    {f"Conv{axes}D": {**settings, "name": "padded"}},
                    {f"Conv{axes}D": {**settings, "padding": "same", "from": "x", "name": "same"}},
                ],
            }
        }
    ).build()
    found = model(np.random.default_rng(0).normal(size=(2, *sizes, 3)).astype("float32"))
    return found["padded"], found["same"]


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("sizes", [(6,), (7,), (8, 7), (7, 9), (5, 6, 7)], ids=str)
def test_a_padded_tensor_gives_what_same_gives(
    sizes: tuple[int, ...], kernel: int, stride: int
) -> None:
    import numpy as np

    padded, same = both(len(sizes), sizes, kernel, stride)
    np.testing.assert_allclose(padded, same, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("sizes", [[8, 8], [9, 8], [8, 9], [9, 9], [None, None]], ids=str)
def test_keras_gets_the_numbers_that_its_own_architectures_use(
    sizes: list[int | None], kernel: int
) -> None:
    import keras
    from keras.src.applications.imagenet_utils import correct_pad

    pad = {"padding": {"kernel_size": kernel, "strides": 2}, "name": "pad"}
    model = ms.load_spec(
        {"model": {"inputs": {"x": [*sizes, 3]}, "layers": [{"ZeroPadding2D": pad}]}}
    ).build()
    assert model.get_layer("pad").padding == correct_pad(keras.Input((*sizes, 3)), kernel)
    assert type(model.get_layer("pad")) is keras.layers.ZeroPadding2D
