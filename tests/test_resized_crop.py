"""`RandomResizedCrop`: a random part of each image, resized; in evaluation the whole image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import prepare

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(0)
COUNT, HEIGHT, WIDTH = 64, 30, 40


def crop(**settings: Any) -> Any:
    from modelspec.runtime.backend.layers import RandomResizedCrop

    return RandomResizedCrop(**{"height": 9, "width": 7, "seed": 3, **settings})


def parts_of(layer: Any, images: Any) -> list[tuple[int, int, int, int]]:
    drawn = layer.get_random_transformation(images)
    found = [np.asarray(drawn[name]) for name in ("top", "left", "height", "width")]
    return [tuple(int(one[at]) for one in found) for at in range(len(images))]  # type: ignore[misc]


def images(*size: int) -> Any:
    return RANDOM.random((COUNT, *(size or (HEIGHT, WIDTH)), 3)).astype(np.float32)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_a_part_is_resized_as_keras_resizes_it(interpolation: str) -> None:
    import tensorflow as tf

    given, settings = images(), {"interpolation": interpolation, "scale": (0.1, 0.9)}
    made = np.asarray(crop(**settings)(given, training=True))
    assert made.shape == (COUNT, 9, 7, 3)
    for image, found, part in zip(given, made, parts_of(crop(**settings), given), strict=True):
        top, left, height, width = part
        cut = image[top : top + height, left : left + width]
        expected = tf.image.resize(cut, (9, 7), method=interpolation)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_channels_first_gives_the_same() -> None:
    given = images()
    first = crop(data_format="channels_first")(given.transpose(0, 3, 1, 2), training=True)
    last = np.asarray(crop()(given, training=True))
    np.testing.assert_allclose(np.asarray(first).transpose(0, 2, 3, 1), last, atol=1e-5)


def test_evaluation_resizes_the_whole_image() -> None:
    import keras

    given = images()
    expected = keras.layers.Resizing(9, 7)(given)
    np.testing.assert_allclose(crop()(given), expected, atol=1e-5)


def test_parts_have_the_areas_and_ratios_that_were_asked_for() -> None:
    given = np.zeros((4000, 100, 120, 1), np.float32)
    found = np.array(parts_of(crop(scale=(0.2, 0.5), ratio=(0.5, 2)), given), float)
    top, left, height, width = found.T
    area, ratio = height * width / 12000, width / height
    assert area.min() > 0.19
    assert area.max() < 0.51
    assert abs(area.mean() - 0.35) < 0.01  # uniform
    assert ratio.min() > 0.48
    assert ratio.max() < 2.1
    assert abs(np.log(ratio).mean()) < 0.03  # as often wide as high
    assert top.min() == left.min() == 0
    assert ((top + height) <= 100).all()
    assert ((left + width) <= 120).all()
    assert (top + height).max() == 100
    assert (left + width).max() == 120
    inside = top / np.maximum(100 - height, 1)
    assert abs(inside.mean() - 0.5) < 0.02


def test_without_a_part_that_fits_the_largest_at_the_center_is_taken() -> None:
    given = images(4, 40)
    for part in parts_of(crop(scale=(1, 1), ratio=(0.5, 2)), given):
        assert part == (0, 16, 4, 8)


def augmented(layer: dict[str, Any]) -> Any:
    return compile_spec(
        {
            "seed": 4,
            "model": {
                "inputs": {"image": [12, 16, 3]},
                "layers": [
                    {
                        "Conv2D": {
                            "filters": 5,
                            "kernel_size": 1,
                            "activation": "softmax",
                            "name": "m",
                        }
                    }
                ],
            },
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "image"}},
                "targets": {"m": {"column": "mask"}},
                "augment": {"layers": [{"RandomResizedCrop": layer}], "on": ["image", "m"]},
            },
            "training": {"loss": "sparse_categorical_crossentropy", "batch_size": 8},
        }
    )


def test_a_mask_is_cut_with_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.data.batches import Feed

    monkeypatch.chdir(tmp_path)
    mask = RANDOM.integers(0, 5, (20, 12, 16, 1)).astype(np.uint8)
    np.savez("t.npz", image=np.repeat(mask, 3, -1), mask=mask)
    settings = {"height": 12, "width": 16, "interpolation": "nearest", "scale": [0.2, 0.8]}
    part = prepare(augmented(settings).value).parts["train"]
    every = [
        (np.asarray(x), np.asarray(y))
        for x, y in Feed(part.examples).training(part.positions, 5, 8, 2)
    ]
    for image, found in every:
        np.testing.assert_array_equal(found.reshape(image.shape[:3]), image[..., 0])
    assert not np.array_equal(every[0][0], every[3][0])


def test_check_knows_the_size() -> None:
    size = {"height": 12, "width": 16}
    assert augmented(size).ok
    other = augmented({"height": 12, "width": 15}).diagnostics
    assert [one.code for one in other if one.severity == "error"] == ["MS633"]
    model = {"inputs": {"image": ["any", "any", 3]}, "layers": [{"RandomResizedCrop": size}]}
    model["inputs"] = {"image": [None, None, 3]}
    found = compile_spec({"model": model})
    assert found.value is not None
    assert found.value.graph is not None
    (output,) = found.value.graph.outputs.values()
    assert output.shape[1:] == (12, 16, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.5},
        {"scale": [0.5, 1.5]},
        {"scale": [0.9, 0.2]},
        {"scale": [0, 1]},
        {"ratio": [-1, 2]},
        {"ratio": ["3/4", 2]},
        {"interpolation": "bicubic"},
        {"height": 0},
    ],
)
def test_settings_that_make_no_part_are_refused(wrong: dict[str, Any]) -> None:
    found = augmented({"height": 12, "width": 16, **wrong}).diagnostics
    assert [one.code for one in found][:1] in (["MS204"], ["MS205"])


def test_a_saved_model_has_the_layer(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((None, None, 3)), crop(scale=(0.3, 0.9))])
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()
    given = images()
    np.testing.assert_array_equal(loaded.predict(given, verbose=0), model.predict(given, verbose=0))
    assert model.output_shape == (None, 9, 7, 3)
