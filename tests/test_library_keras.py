"""A model of the library in Keras: nested, flat, cut short and with weights of a file, compared
with Keras's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelspec as ms

pytestmark = pytest.mark.tensorflow

SIZE = (32, 32, 3)
SETTINGS = {"include_top": False, "pooling": "avg", "alpha": 0.25}


@pytest.fixture(scope="module")
def original() -> Any:
    """Keras's own model, with weights other than those that a layer starts from."""
    import keras

    made = keras.applications.MobileNet(
        include_top=False, pooling="avg", alpha=0.25, input_shape=SIZE, weights=None
    )
    random = np.random.default_rng(0)
    made.set_weights([random.uniform(0.1, 0.5, weight.shape) for weight in made.get_weights()])
    return made


@pytest.fixture(scope="module")
def images() -> Any:
    return np.random.default_rng(1).uniform(size=(2, *SIZE)).astype("float32")


def build(*layers: object, **more: object) -> Any:
    return ms.load_spec(
        {"model": {"inputs": {"image": SIZE}, "layers": list(layers), **more}}
    ).build()


def shapes(model: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Every weight by its path inside the model, with its shape."""
    return [
        ("/".join(weight.path.split("/")[-2:]), tuple(weight.shape)) for weight in model.weights
    ]


def test_nested_and_flat_are_the_model_of_keras(original: Any, images: Any) -> None:
    model = build({"MobileNet": SETTINGS}, {"Dense": 3})
    (nested,) = [layer for layer in model.layers if layer.name.startswith("mobilenet")]
    flat = ms.load_spec({"extends": "MobileNet", "vars": {**SETTINGS, "input_shape": SIZE}}).build()
    assert shapes(nested) == shapes(flat) == shapes(original)
    assert nested.output_shape == flat.output_shape == original.output_shape
    for one in (nested, flat):
        one.set_weights(original.get_weights())
        np.testing.assert_allclose(
            one.predict(images, verbose=0), original.predict(images, verbose=0), rtol=1e-5
        )


def test_frozen_it_has_no_weights_to_train(original: Any) -> None:
    model = build({"MobileNet": {**SETTINGS, "trainable": False}}, {"Dense": 3})
    assert [tuple(weight.shape) for weight in model.trainable_weights] == [(256, 3), (3,)]
    assert len(model.non_trainable_weights) == len(original.weights)


def test_two_uses_have_weights_of_their_own_and_two_calls_have_not() -> None:
    twice = build(
        {"MobileNet": {**SETTINGS, "name": "a"}},
        {"MobileNet": {**SETTINGS, "from": "image", "name": "b"}},
        {"Add": {"from": ["a", "b"]}},
    )
    first, second = (twice.get_layer(name).get_weights()[0] for name in "ab")
    assert first.shape == second.shape and not np.array_equal(first, second)
    shared = build(
        {"body": {"name": "a"}},
        {"body": {"name": "b", "from": "image"}},
        {"Add": {"from": ["a", "b"]}},
        shared={"body": {"MobileNet": SETTINGS}},
    )
    assert 2 * shared.count_params() == twice.count_params()


def test_it_starts_from_the_weights_of_a_file_also_where_it_is_cut_short(
    original: Any, images: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.chdir(tmp_path)
    original.save_weights("body.weights.h5")
    whole = build({"MobileNet": {**SETTINGS, "weights": "body.weights.h5"}})
    np.testing.assert_allclose(
        whole.predict(images, verbose=0), original.predict(images, verbose=0), rtol=1e-5
    )
    cut = build(
        {
            "MobileNet": {
                **SETTINGS,
                "weights": "body.weights.h5",
                "until": "conv_pw_3_relu",
                "name": "cut",
            }
        }
    )
    expected = keras.Model(original.inputs, original.get_layer("conv_pw_3_relu").output)
    assert shapes(cut) == shapes(expected)
    np.testing.assert_allclose(
        cut.predict(images, verbose=0), expected.predict(images, verbose=0), rtol=1e-5
    )
