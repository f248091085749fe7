"""Trainings that rules refuse fail in Keras, and names that Keras gives to operations do not fail one
that is right.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

import modelspec as ms
from modelspec.compiler import rules
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor

from .oracle.case import case_of, layer_class
from .test_pages import EXAMPLES
from .training_steps import NOT_FINITE, take_steps

pytestmark = pytest.mark.tensorflow

FOLDER = Path(rules.__file__).parent


def of_page(code: str) -> Any:
    """The bad example of a page, compiled."""
    page = (FOLDER / f"{code}.md").read_text("utf-8")
    spec = next(yaml.safe_load(text) for which, _, text in EXAMPLES.findall(page) if which == "Bad")
    spec["training"] = {"loss": "mse", "batch_size": 4, **spec.get("training", {})}
    return compile_spec(spec).value


@pytest.mark.parametrize(
    ("code", "size", "reason"),
    [
        ("MS437", 3, "total size"),
        ("MS438", 1, "Learning rate cannot be accessed"),
        ("MS439", 1, NOT_FINITE),
    ],
)
def test_what_is_refused_does_not_train(code: str, size: int, reason: str) -> None:
    with pytest.raises(Exception) as found:  # whatever Keras raises
        take_steps(of_page(code), {"height": size})
    assert reason in f"{type(found.value).__name__}: {found.value}"


@pytest.mark.parametrize(
    "kind",
    [
        "AugMix",
        "RandomCrop",
        "RandomElasticTransform",
        "RandomFlip",
        "RandomPerspective",
        "RandomRotation",
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
    ],
)
def test_the_gradients_of_augmentation(kind: str) -> None:
    """In bfloat16, TensorFlow has those that the layer states."""
    import keras
    import tensorflow as tf

    layer = layer_class(kind)
    case = case_of(layer, layer.examples[0])
    made = layer.from_body({**case.settings, "dtype": "bfloat16"}, Context())
    types = case.tensors[0]
    images = tf.random.stateless_uniform((2, 9, 8, 3), (0, 0), dtype=tf.float32)
    with tf.GradientTape() as tape:
        images = tf.cast(images, tf.bfloat16)
        tape.watch(images)
        built = getattr(keras.layers, kind)(**case.settings, dtype="bfloat16")
        loss = tf.reduce_sum(built(images, training=True))
    if made.without_gradient(types, types) == "dtype":
        with pytest.raises(TypeError, match="bfloat16"):
            tape.gradient(loss, images)
    else:
        assert tape.gradient(loss, images) is not None


def test_the_gradients_of_interpolations() -> None:
    """Where there is none, TensorFlow raises, or gives None."""
    import keras
    import tensorflow as tf

    def has_gradient(settings: dict[str, Any]) -> bool:
        images = tf.ones((2, 6, 6, 1), settings["dtype"])
        with tf.GradientTape() as tape:
            tape.watch(images)
            made = keras.layers.Resizing(4, 4, **settings)(images)
        try:
            return tape.gradient(made, images) is not None
        except (LookupError, tf.errors.InvalidArgumentError):
            return False

    x, made = Tensor((2, 6, 6, 1), "float32"), Tensor((2, 4, 4, 1), "float32")
    kinds = ("nearest", "bilinear", "bicubic", "lanczos3", "area")
    for kind, antialias, dtype in product(kinds, (False, True), ("float32", "float16", "float64")):
        settings = {"interpolation": kind, "antialias": antialias, "dtype": dtype}
        body = {"height": 4, "width": 4, **settings}
        layer = layer_class("Resizing").from_body(body, Context())
        assert (layer.without_gradient(x, made) is None) == has_gradient(settings), settings


def test_operations_of_masks_have_names_that_no_layer_has(tmp_path: Path) -> None:
    """Keras adds operations that compute the masks of `Concatenate`, and names them itself."""
    import keras

    spec = {
        "model": {
            "inputs": {"zeros_like": {"shape": [5], "dtype": "int32"}},
            "layers": [
                {"Embedding": {"input_dim": 9, "output_dim": 4, "mask_zero": True, "name": "a"}},
                {"Concatenate": {"from": ["a", "a"]}},
                {"Concatenate": {"from": ["concatenate", "concatenate"], "axis": 1}},
                {"LSTM": {"units": 3, "name": "any_1"}},
                {"GRU": {"units": 3, "name": "logical_or", "from": "concatenate_1"}},
                {"Concatenate": {"from": ["any_1", "logical_or"], "name": "any"}},
            ],
        }
    }
    model = ms.load_spec(spec).build()
    names = [one.name for one in model.operations]
    assert len({*names}) == len(names) > 7
    model.save(tmp_path / "model.keras")
    assert [one.name for one in keras.saving.load_model(tmp_path / "model.keras").operations]
