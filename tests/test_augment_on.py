"""`augment` with `on`: an image and what belongs to its places are moved with one draw."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import compile_spec
from modelspec.compiler.spec.entries import Use
from modelspec.compiler.spec.transform_layers import Chain
from modelspec.core.diagnostics import Source, Span
from modelspec.core.source import Scalar
from modelspec.runtime.data import DataError, prepare

RANDOM = np.random.default_rng(0)
COUNT, HEIGHT, WIDTH = 21, 16, 12
NOWHERE = Span(Source("a spec", ""), 0, 0)
MOVING: dict[str, dict[str, Any]] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.3},
    "RandomTranslation": {"height_factor": 0.4, "width_factor": 0.4},
    "RandomZoom": {"height_factor": 0.5, "width_factor": 0.4},
    "RandomShear": {"x_factor": 0.4, "y_factor": 0.3},
    "RandomPerspective": {"scale": 0.8},
    "RandomElasticTransform": {"factor": [1, 1], "scale": [0.9, 1], "value_range": [-1, 255]},
    "RandomCrop": {"height": HEIGHT, "width": WIDTH},
    "RandomResizedCrop": {"height": HEIGHT, "width": WIDTH, "scale": [0.3, 0.8]},
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples whose images have at each place its row and its column."""
    rows, columns = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    places = np.stack([rows, columns, rows + columns], -1)
    np.savez(
        tmp_path / "t.npz",
        image=np.repeat(places[None], COUNT, 0).astype(np.uint8),
        mask=RANDOM.integers(0, 5, (COUNT, HEIGHT, WIDTH, 1)).astype(np.uint8),
        flat=RANDOM.integers(0, 2, (COUNT, HEIGHT, WIDTH)).astype(bool),
        label=RANDOM.integers(0, 2, COUNT),
    )
    monkeypatch.chdir(tmp_path)


SEGMENTING = [{"Conv2D": {"filters": 5, "kernel_size": 1, "activation": "softmax", "name": "mask"}}]


def spec(augment: Any, *, model: Any = None, training: Any = None, **data: Any) -> Any:
    """A checked spec over the examples."""
    checked = compile_spec(
        {
            "seed": 4,
            "model": model or {"inputs": {"image": [HEIGHT, WIDTH, 3]}, "layers": SEGMENTING},
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "image"}},
                "targets": {"mask": {"column": "mask"}},
                **({"augment": augment} if augment else {}),
                **data,
            },
            "training": {
                "loss": "sparse_categorical_crossentropy",
                "batch_size": 8,
                **(training or {}),
            },
        }
    )
    assert checked.ok, [str(one) for one in checked.diagnostics]
    return checked.value


def test_a_misspelt_key_of_the_long_form_is_said_to_be_one() -> None:
    augment = {"layer": [{"RandomFlip": "horizontal"}], "on": ["image", "mask"]}
    found = compile_spec(
        {
            "model": {"inputs": {"image": [HEIGHT, WIDTH, 3]}, "layers": SEGMENTING},
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "image"}},
                "targets": {"mask": {"column": "mask"}},
                "augment": augment,
            },
            "training": {"loss": "sparse_categorical_crossentropy"},
        }
    ).diagnostics
    assert [(one.code, one.help) for one in found if one.severity == "error"] == [
        ("MS201", "did you mean `layers`?")
    ]


def batches(made: Any, epochs: int = 2, **start: int) -> list[Any]:
    from modelspec.runtime.data.batches import Feed

    part = prepare(made).parts["train"]
    found = Feed(part.examples).training(part.positions, 5, 8, epochs, **start)
    return [
        tuple(
            {key: np.asarray(value) for key, value in one.items()}
            if isinstance(one, dict)
            else np.asarray(one)
            for one in batch
        )
        for batch in found
    ]


def joint(*layers: Any, on: Any = ("image", "mask"), **more: Any) -> dict[str, Any]:
    return {"layers": list(layers), "on": list(on), **more}


def moved(mask: Any, image: Any, border: float | None = None) -> Any:
    """The values of a mask at the places that an image of places shows; `border` where it shows
    none.
    """
    rows, columns = (np.rint(image[..., axis]).astype(int) for axis in (0, 1))
    examples = np.arange(len(mask))[:, None, None]
    found = mask[examples, rows.clip(0), columns.clip(0)]
    return found if border is None else np.where(rows < 0, border, found)


# The same places ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MOVING)
def test_a_mask_has_at_each_place_the_class_of_the_place_that_its_image_shows(kind: str) -> None:
    """The image shows places, so that NumPy says what the mask has to be."""
    settings = MOVING[kind]
    if "interpolation" in _layer(kind).model_fields:
        settings = {**settings, "interpolation": "nearest"}
    if "fill_value" in _layer(kind).model_fields:
        settings = {**settings, "fill_value": -1}
    if "fill_mode" in _layer(kind).model_fields:
        settings = {**settings, "fill_mode": "constant"}
    plain = batches(spec(None))
    varied = batches(spec(joint({kind: settings}, fill=4)))
    for (_, before), (image, mask) in zip(plain, varied, strict=True):
        np.testing.assert_array_equal(mask, moved(before, image, 4))
    changed = any((one[1] != other[1]).any() for one, other in zip(plain, varied, strict=True))
    assert changed is (kind != "RandomCrop")  # which has no room in an image of its size


def test_all_layers_that_move_values_are_compared() -> None:
    found = {
        kind
        for kind in LAYERS.kinds()
        if (layer := _layer(kind)).training_only and layer.moves_values and not layer.mixes_examples
    }
    assert found - set(MOVING) == {"AugMix", "RandAugment"}  # which no mask can follow


def test_which_layers_move_values_is_what_keras_does_to_masks() -> None:
    import keras

    from modelspec.runtime.backend.convert import to_keras

    image = RANDOM.random((8, 16, 16, 3)).astype(np.float32)
    mask = RANDOM.integers(0, 9, (8, 16, 16, 1)).astype(np.float32)
    checked = []
    for kind in LAYERS.kinds():
        layer = _layer(kind)
        keras_layer = getattr(keras.layers, kind, None)
        if not layer.training_only or not hasattr(keras_layer, "transform_segmentation_masks"):
            continue
        if layer.mixes_examples:
            continue
        if kind in ("AugMix", "RandAugment"):
            assert layer.moves_values
            continue
        given = MOVING.get(kind) or dict(layer.examples[0].settings)
        if kind == "RandomCrop":
            given = {"height": 9, "width": 9}
        made = to_keras(layer.model_validate(_tuples({**given, "seed": 3})))
        drawn = made.get_random_transformation(image, training=True)
        found = np.asarray(made.transform_segmentation_masks(mask, drawn, training=True))
        assert (found.shape != mask.shape or bool((found != mask).any())) is layer.moves_values, (
            kind
        )
        checked.append(kind)
    assert len(checked) > 20


def test_no_layer_makes_an_example_of_another() -> None:
    """Each is varied as it is beside other examples, in batches whose size the graph does not
    know.
    """
    import tensorflow as tf

    from modelspec.runtime.data.augment import Augmentation
    from modelspec.runtime.data.varied import Member, Variation

    images = RANDOM.random((5, 16, 12, 3)).astype(np.float32)
    others = np.concatenate([RANDOM.random((1, 16, 12, 3)).astype(np.float32), images[1:]])
    signature = tf.TensorSpec([None, 16, 12, 3], tf.float32)
    for kind, settings in MOVING.items():
        layer = _layer(kind)
        ranged = {"value_range": [0, 1]} if "value_range" in layer.model_fields else {}
        made = layer.model_validate(_tuples({**settings, **ranged}))
        chain = Chain(NOWHERE, (Use(kind, NOWHERE, None, made),), Scalar(None, NOWHERE))
        vary = Augmentation(Variation(chain, (Member("inputs", "x", "image"),)), 7, 0)
        function = tf.function(
            lambda x, vary=vary: vary({("inputs", "x"): x}, 0, 3)["inputs", "x"],
            input_signature=[signature],
            autograph=False,
        )
        found, beside = function(images).numpy(), function(others).numpy()
        np.testing.assert_array_equal(found[1:], beside[1:], err_msg=kind)
        for example in found[1:]:
            assert abs(np.corrcoef(example.ravel(), found[0].ravel())[0, 1]) < 0.9, kind


def test_the_image_is_varied_as_without_a_mask() -> None:
    layers = [{"RandomRotation": 0.2}, {"RandomContrast": 0.3}, {"RandomFlip": "vertical"}]
    classifying = {
        "inputs": {"image": [HEIGHT, WIDTH, 3]},
        "layers": ["GlobalAveragePooling2D", {"Dense": {"units": 2, "activation": "softmax"}}],
    }
    alone = batches(spec(layers, model=classifying, targets="label"))
    together = batches(spec(joint(*layers)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_colors_and_noise_leave_masks_alone() -> None:
    varied = batches(spec(joint({"RandomContrast": 0.5}, {"GaussianNoise": 1.0})))
    for one, other in zip(batches(spec(None)), varied, strict=True):
        assert (one[0] != other[0]).any()
        np.testing.assert_array_equal(one[1], other[1])


def test_what_on_leaves_out_stays() -> None:
    varied = batches(spec(joint({"RandomFlip": "horizontal"}, on=["image"])))
    for one, other in zip(batches(spec(None)), varied, strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    assert any((image != one[0]).any() for (image, _), one in pairwise(varied))


def test_a_run_that_continues_within_an_epoch_sees_the_same() -> None:
    made = spec(joint({"RandomFlip": "vertical"}, {"RandomRotation": 0.3}))
    whole = batches(made)
    for start in ({"first_step": 2}, {"first_epoch": 1}, {"first_epoch": 1, "first_step": 1}):
        skipped = 3 * start.get("first_epoch", 0) + start.get("first_step", 0)
        for one, other in zip(batches(made, **start), whole[skipped:], strict=True):
            for found, expected in zip(one, other, strict=True):
                np.testing.assert_array_equal(found, expected)


# Kinds of tensors ---------------------------------------------------------------------------------

SEVERAL = {
    "inputs": {
        "image": [HEIGHT, WIDTH, 3],
        "zone": {"shape": [HEIGHT, WIDTH, 1], "dtype": "uint8"},
        "flat": {"shape": [HEIGHT, WIDTH], "dtype": "bool"},
    },
    "layers": [
        {"Conv2D": {"filters": 1, "kernel_size": 1, "activation": "sigmoid", "name": "binary"}},
        {"Embedding": {"input_dim": 5, "output_dim": 2, "from": "zone"}},
        {"Reshape": {"target_shape": [HEIGHT, WIDTH, 2], "name": "looked"}},
        {"Reshape": {"target_shape": [HEIGHT, WIDTH, 1], "from": "flat", "name": "wide"}},
        {"Concatenate": {"from": ["binary", "looked", "wide"]}},
        {"Conv2D": {"filters": 1, "kernel_size": 1, "name": "level"}},
    ],
    "outputs": ["binary", "level"],
}


def test_whole_numbers_and_truths_keep_their_values_in_inputs_and_targets() -> None:
    """Also where a loss takes them as floating-point numbers; other numbers are interpolated."""
    np.savez("u.npz", **np.load("t.npz"), level=RANDOM.random((COUNT, HEIGHT, WIDTH, 1)))
    settings = {
        "model": SEVERAL,
        "source": {"npz": "u.npz"},
        "inputs": {
            "image": {"column": "image"},
            "zone": {"column": "mask"},
            "flat": {"column": "flat"},
        },
        "targets": {"binary": {"column": "flat"}, "level": {"column": "level"}},
        "training": {"loss": {"binary": "binary_crossentropy", "level": "mse"}},
    }
    rotation = {"RandomRotation": {"factor": 0.3, "interpolation": "nearest"}}
    on = ["image", "zone", "flat", "binary", "level"]
    plain = batches(spec(None, **settings))
    varied = batches(spec(joint(rotation, on=on), **settings))
    smooth = batches(spec(joint({"RandomRotation": 0.3}, on=on), **settings))
    for (old, old_targets), (inputs, targets), (_, between) in zip(
        plain, varied, smooth, strict=True
    ):
        image = inputs["image"]
        np.testing.assert_array_equal(inputs["zone"], moved(old["zone"], image))
        np.testing.assert_array_equal(inputs["flat"], moved(old["flat"], image))
        assert inputs["zone"].dtype == np.uint8 and inputs["flat"].dtype == bool
        np.testing.assert_array_equal(targets["binary"], moved(old_targets["binary"], image))
        np.testing.assert_array_equal(targets["level"], moved(old_targets["level"], image))
        np.testing.assert_array_equal(between["binary"], targets["binary"])
        assert (between["level"] != targets["level"]).any(), "numbers are interpolated"


@pytest.mark.parametrize("fill", [None, 3])
def test_weights_of_classes_move_with_the_classes(fill: int | None) -> None:
    weights = {"class_weight": [1.0, 2.0, 3.0, 4.0, 5.0]}
    more = {} if fill is None else {"fill": fill}
    made = spec(joint({"RandomTranslation": MOVING["RandomTranslation"]}, **more), training=weights)
    for _, mask, counted in batches(made):
        np.testing.assert_array_equal(counted, mask[..., 0] + 1.0 if mask.ndim > 3 else mask + 1.0)


def test_masks_of_an_image_whose_channels_come_first() -> None:
    np.savez(
        "f.npz",
        image=np.moveaxis(np.load("t.npz")["image"], -1, 1),
        mask=np.moveaxis(np.load("t.npz")["mask"], -1, 1),
    )
    model = {
        "image_data_format": "channels_first",
        "inputs": {
            "image": [3, HEIGHT, WIDTH],
            "mask": {"shape": [1, HEIGHT, WIDTH], "dtype": "int32"},
        },
        "layers": [
            {"Flatten": {"from": "image", "name": "a"}},
            {"Flatten": {"from": "mask", "name": "b"}},
            {"Dense": {"units": 1, "from": "a", "name": "c"}},
            {"Embedding": {"input_dim": 5, "output_dim": 1, "from": "b"}},
            "Flatten",
            {"Dense": {"units": 1, "name": "d"}},
            {"Add": {"from": ["c", "d"]}},
        ],
    }
    more = {
        "model": model,
        "source": {"npz": "f.npz"},
        "inputs": {"image": {"column": "image"}, "mask": {"column": "mask"}},
        "targets": {"column": "mask"},
        "training": {"loss": "mse"},
    }
    np.savez("f.npz", **np.load("f.npz"), y=RANDOM.random(COUNT))
    more["targets"] = "y"
    rotation = {"RandomRotation": {"factor": 0.3, "interpolation": "nearest"}}
    plain, varied = batches(spec(None, **more)), batches(spec(joint(rotation), **more))
    for (old, _), (found, _) in zip(plain, varied, strict=True):
        image, mask = (np.moveaxis(found[name], 1, -1) for name in ("image", "mask"))
        np.testing.assert_array_equal(mask, moved(np.moveaxis(old["mask"], 1, -1), image))


# What only the data show --------------------------------------------------------------------------


def test_a_mask_of_a_size_that_only_the_data_have() -> None:
    model = {"inputs": {"image": [None, None, 3]}, "layers": SEGMENTING}
    with pytest.raises(DataError, match=r"MS580.*`RandomFlip` moves the values of `image`"):
        prepare(spec(["RandomFlip"], model=model))
    assert prepare(spec(joint("RandomFlip"), model=model)).parts["train"]


# Helpers ------------------------------------------------------------------------------------------


def _layer(kind: str) -> Any:
    found = LAYERS.find(kind)
    assert found is not None and issubclass(found, Layer)
    return found


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(one) for key, one in value.items()}
    return tuple(value) if isinstance(value, list) else value
