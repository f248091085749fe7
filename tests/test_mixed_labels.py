"""`MixUp` and `CutMix` in `augment`: a target is mixed with the same partner and weight as its
image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.target_names import EXAMPLE_WEIGHTS

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(0)
COUNT, HEIGHT, WIDTH, KINDS = 22, 12, 16, 5
BATCH = 8


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples whose images show which example they are: one pixel of an image of zeros in
    `pixel`, every pixel of an image of equal numbers in `level`.
    """
    pixel = np.zeros((COUNT, HEIGHT * WIDTH), np.float32)
    pixel[np.arange(COUNT), np.arange(COUNT)] = 1
    level = np.broadcast_to(np.arange(COUNT)[:, None, None, None], (COUNT, HEIGHT, WIDTH, 1))
    kind = RANDOM.integers(0, KINDS, COUNT)
    np.savez(
        tmp_path / "t.npz",
        pixel=pixel.reshape(COUNT, HEIGHT, WIDTH, 1),
        level=level.astype(np.float32),
        kind=kind,
        number=RANDOM.normal(size=(COUNT, 3)),
        weight=RANDOM.uniform(0.5, 2, COUNT),
        mask=(level + 100).astype(np.uint8),
    )
    monkeypatch.chdir(tmp_path)


ONE_HOT = {"transform": [{"CategoryEncoding": {"num_tokens": KINDS, "output_mode": "one_hot"}}]}
HEAD = ["Flatten", {"Dense": {"units": KINDS, "activation": "softmax", "name": "kind"}}]


def checked(augment: Any, image: str, training: Any = None, **data: Any) -> Any:
    found = compile_spec(
        {
            "seed": 4,
            "model": {"inputs": {"image": [HEIGHT, WIDTH, 1]}, "layers": HEAD},
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": image}},
                "targets": {"kind": {"column": "kind", **ONE_HOT}},
                **({"augment": augment} if augment else {}),
                **data,
            },
            "training": {
                "loss": "categorical_crossentropy",
                "batch_size": BATCH,
                **(training or {}),
            },
        }
    )
    assert found.ok, [str(one) for one in found.diagnostics]
    return found.value


def batches_of(part: Any, epochs: int = 2, **start: int) -> list[tuple[Any, ...]]:
    from modelspec.runtime.data.batches import Feed

    found = Feed(part.examples).training(part.positions, 5, BATCH, epochs, **start)
    return [tuple(np.asarray(one) for one in batch) for batch in found]


def batches(made: Any, epochs: int = 2, **start: int) -> list[tuple[Any, ...]]:
    return batches_of(prepare(made).parts["train"], epochs, **start)


def stored(name: str) -> Any:
    return np.load("t.npz")[name]


def shares(images: Any) -> Any:
    """How much each example of the source contributes to each image: [images, examples]."""
    return images.reshape(len(images), -1)[:, :COUNT].astype(np.float64)


def test_labels_and_weights_are_means_with_the_weights_that_the_images_show() -> None:
    made = checked([{"MixUp": 0.4}], "pixel", weights="weight")
    labels, weights = np.eye(KINDS)[stored("kind")], stored("weight")
    seen = 0
    for image, label, weight in batches(made):
        share = shares(image)
        np.testing.assert_allclose(share.sum(1), 1, rtol=1e-6)
        np.testing.assert_allclose(label, share @ labels, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(weight, share @ weights, rtol=1e-5)
        seen += int(((share > 0.01) & (share < 0.99)).any(1).sum())
    assert seen > COUNT / 2


def test_layers_before_and_after_leave_labels_alone() -> None:
    chain = [{"RandomContrast": 0.5}, {"MixUp": 0.4}, {"RandomBrightness": 0.5}]
    alone = batches(checked([{"GaussianNoise": 0.1}, {"MixUp": 0.4}], "pixel"))
    both = batches(checked(chain, "pixel"))
    for one, other in zip(alone, both, strict=True):
        np.testing.assert_array_equal(one[1], other[1])  # the same draw: it is the second layer
        assert (one[0] != other[0]).any()


def test_numbers_are_mixed_too() -> None:
    head = ["Flatten", {"Dense": {"units": 3, "name": "kind"}}]
    found = compile_spec(
        {
            "model": {"inputs": {"image": [HEIGHT, WIDTH, 1]}, "layers": head},
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "pixel"}},
                "targets": {"kind": {"column": "number"}},
                "augment": {"layers": [{"MixUp": 1.0}], "on": ["kind", "image"]},
            },
            "training": {"loss": "mse", "batch_size": BATCH},
        }
    )
    for image, number in batches(found.value):
        np.testing.assert_allclose(number, shares(image) @ stored("number"), rtol=1e-4, atol=1e-6)


def test_a_label_has_the_share_of_the_rectangle_in_its_image() -> None:
    labels = np.eye(KINDS)[stored("kind")]
    cut = 0
    for image, label in batches(checked([{"CutMix": 1.0}], "level")):
        for pixels, found in zip(image[..., 0], label, strict=True):
            values, counts = np.unique(pixels, return_counts=True)
            assert len(values) <= 2
            expected = counts / pixels.size @ labels[values.astype(int)]
            # Keras computes the area of the rectangle before it is cut to whole pixels.
            np.testing.assert_allclose(found, expected, atol=(HEIGHT + WIDTH + 1) / pixels.size)
            cut += len(values) == 2
            if len(values) == 2:
                rows, columns = np.nonzero(pixels == values[counts.argmin()])
                inside = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
                assert len(np.unique(inside)) == 1 or inside.size > pixels.size / 2
    assert cut > COUNT / 2


def test_a_mask_has_the_region_of_the_other_mask() -> None:
    layers = [{"Conv2D": {"filters": 130, "kernel_size": 1, "activation": "softmax", "name": "m"}}]
    found = compile_spec(
        {
            "model": {"inputs": {"image": [HEIGHT, WIDTH, 1]}, "layers": layers},
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "level"}},
                "targets": {"m": {"column": "mask"}},
                "augment": [{"CutMix": 1.0}],
            },
            "training": {"loss": "sparse_categorical_crossentropy", "batch_size": BATCH},
        }
    )
    every = batches(found.value)
    for image, mask in every:
        assert mask.dtype == np.int32
        np.testing.assert_array_equal(mask, (image[..., 0] + 100).reshape(mask.shape))
    assert any(len(np.unique(one)) == 2 for image, _ in every for one in image)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ["MixUp", "CutMix"])
def test_the_formula_is_that_of_keras(kind: str, data_format: str) -> None:
    import keras

    from modelspec.runtime.data.mixed_examples import mixed

    shape = (7, 3, 9, 6) if data_format == "channels_first" else (7, 9, 6, 3)
    images = keras.ops.convert_to_tensor(RANDOM.random(shape).astype(np.float32))
    labels = keras.ops.convert_to_tensor(np.eye(7, dtype=np.float32))
    layer = getattr(keras.layers, kind)(seed=3, data_format=data_format)
    drawn = layer.get_random_transformation(images, training=True)
    by: Any = "mean" if kind == "MixUp" else "region"
    first = data_format == "channels_first"
    for x, expected, pixels in (
        (images, layer.transform_images(images, drawn, training=True), True),
        (labels, layer.transform_labels(labels, drawn, training=True), False),
    ):
        found = mixed(x, drawn, by, has_pixels=pixels, channels_first=first)
        np.testing.assert_array_equal(found, expected)


def test_a_run_that_continues_within_an_epoch_sees_the_same() -> None:
    made = checked([{"CutMix": 1.0}, {"MixUp": 0.4}], "pixel", weights="weight")
    whole = batches(made)
    for one, other in zip(batches(made, first_epoch=1, first_step=1), whole[4:], strict=True):
        for found, expected in zip(one, other, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_stage_mixes_its_own_examples() -> None:
    from modelspec.runtime.run.run_data import prepared_data

    stages = [
        {"name": "plain", "epochs": 1},
        {"name": "mixed", "epochs": 1, "data": {"augment": [{"MixUp": 0.4}]}},
    ]
    first, second = prepared_data(checked(None, "pixel", {"stages": stages})).stages
    for part, mixes in ((first.parts["train"], False), (second.parts["train"], True)):
        every = batches_of(part, 1)
        labels = np.eye(KINDS)[stored("kind")]
        for image, label in every:
            np.testing.assert_allclose(label, shares(image) @ labels, rtol=1e-5, atol=1e-7)
        assert any((np.count_nonzero(shares(one[0]), 1) > 1).any() for one in every) is mixes


def test_targets_of_terms_are_mixed_and_integers_among_them_are_refused() -> None:
    def of(column: str, formula: str) -> Any:
        return compile_spec(
            {
                "model": {
                    "inputs": {"image": [HEIGHT, WIDTH, 1]},
                    "layers": ["Flatten", {"Dense": {"units": 3, "name": "made"}}],
                },
                "data": {
                    "source": {"npz": "t.npz"},
                    "inputs": {"image": {"column": "pixel"}},
                    "targets": {"wanted": {"column": column}},
                    "weights": "weight",
                    "augment": [{"MixUp": 0.4}],
                },
                "training": {
                    "objective": {
                        "near": {
                            "formula": formula,
                            "from": {"m": "made", "t": "target.wanted"},
                        }
                    },
                    "batch_size": BATCH,
                },
            }
        ).value

    from modelspec.runtime.data.batches import Feed

    part = prepare(of("number", "mean(square(m - t), axis=-1)")).parts["train"]
    for image, more in Feed(part.examples).training(part.positions, 5, BATCH, 1):
        share = shares(np.asarray(image))
        expected = share @ stored("number")
        np.testing.assert_allclose(more["target.wanted"], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(more[EXAMPLE_WEIGHTS], share @ stored("weight"), rtol=1e-5)
    with pytest.raises(DataError) as error:
        prepare(of("kind", "where(t > 1, mean(square(m), axis=-1), 0.0)"))
    assert [one.code for one in error.value.diagnostics] == ["MS693"]
