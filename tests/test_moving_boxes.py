"""`coordinates`: points and boxes that `augment` moves with their image.

The images show where their points are: each has one bright spot for a point, so that NumPy finds
the place after a layer moved the image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from modelspec.catalog.layers import LAYERS
from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.pipeline import compile_spec
from modelspec.compiler.spec.coordinates import coordinate_format
from modelspec.compiler.spec.feature import Coordinates
from modelspec.runtime.data import prepare

pytestmark = pytest.mark.tensorflow

RANDOM = np.random.default_rng(0)
COUNT, HEIGHT, WIDTH = 12, 48, 40
SPOT = 1.5
"""The deviation of a spot in pixels."""
MOVING: dict[str, Any] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.4},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": [-0.1, 0.4]},
    "RandomZoom": {"height_factor": [-0.3, 0.4], "width_factor": [-0.2, 0.3]},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "RandomCrop": {"height": HEIGHT, "width": WIDTH},
    "RandomResizedCrop": {"height": HEIGHT, "width": WIDTH, "scale": [0.3, 0.9]},
}


def spots(points: Any) -> Any:
    """Images with a spot at each point (x, y), one point in each channel."""
    y, x = np.meshgrid(np.arange(HEIGHT) + 0.5, np.arange(WIDTH) + 0.5, indexing="ij")
    squares = (x[None, ..., None] - points[:, None, None, :, 0]) ** 2
    squares = squares + (y[None, ..., None] - points[:, None, None, :, 1]) ** 2
    return np.exp(-squares / (2 * SPOT**2)).astype(np.float32)


def found_places(images: Any) -> Any:
    """The center of each spot by its mass: [images, spots, (x, y)]."""
    y, x = np.meshgrid(
        np.arange(images.shape[1]) + 0.5, np.arange(images.shape[2]) + 0.5, indexing="ij"
    )
    images = images.astype(np.float64)
    mass = np.maximum(images.sum((1, 2)), 1e-9)
    across = (images * x[None, ..., None]).sum((1, 2)) / mass
    down = (images * y[None, ..., None]).sum((1, 2)) / mass
    return np.stack([across, down], -1)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = RANDOM.uniform((6, 6), (WIDTH - 6, HEIGHT - 6), (COUNT, 3, 2))
    low, high = points[:, :2].min(1), points[:, :2].max(1)
    np.savez(
        tmp_path / "t.npz",
        image=spots(points),
        points=points,
        relative=points / (WIDTH, HEIGHT),
        box=np.concatenate([low, high], -1),
        place=np.where(RANDOM.random((COUNT, 3, 1)) < 0.4, -1, points),
        words=RANDOM.integers(0, 5, (COUNT, 3, 2)),
    )
    monkeypatch.chdir(tmp_path)


def checked(augment: Any, targets: dict[str, Any], image: Any = None) -> Any:
    layers = [
        "Flatten",
        *({"Dense": {"units": 6, "from": "flatten", "name": f"{name}_flat"}} for name in targets),
        *(
            {"Reshape": {"target_shape": [3, 2], "from": f"{name}_flat", "name": name}}
            for name in targets
        ),
    ]
    layers = ["Flatten", {"Dense": {"units": 4, "name": "box"}}] if "box" in targets else layers
    found = compile_spec(
        {
            "model": {
                "inputs": {"image": [HEIGHT, WIDTH, 3]},
                "layers": layers,
                "outputs": list(targets),
            },
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "image"}},
                "targets": targets,
                **({"augment": augment} if augment else {}),
            },
            "training": {"loss": dict.fromkeys(targets, "mse"), "batch_size": 5},
        }
    )
    assert found.ok, [str(one) for one in found.diagnostics]
    return found.value


def joint(*layers: Any, on: Any) -> dict[str, Any]:
    return {"layers": list(layers), "on": list(on)}


def batches(made: Any, epochs: int = 2, **start: int) -> list[Any]:
    from modelspec.runtime.data.batches import Feed

    part = prepare(made).parts["train"]
    found = []
    for image, targets in Feed(part.examples).training(part.positions, 5, 5, epochs, **start):
        targets = targets if isinstance(targets, dict) else {"": targets}
        found.append((np.asarray(image), {key: np.asarray(one) for key, one in targets.items()}))
    return found


def visible(images: Any, points: Any) -> Any:
    """The points whose whole spot is in the image, so that its mass shows its place."""
    margin = 4 * SPOT
    inside = (points > margin) & (points < np.array(images.shape[2:0:-1]) - margin)
    return inside.all(-1)


@pytest.mark.parametrize("kind", MOVING)
def test_points_are_where_the_image_shows_them(kind: str) -> None:
    settings = dict(MOVING[kind])
    layer: Any = LAYERS.find(kind)
    if "fill_mode" in layer.model_fields:
        settings |= {"fill_mode": "constant", "fill_value": 0}
    forms = {"points": "xy", "relative": "rel_xy"}
    targets = {name: {"column": name, "coordinates": form} for name, form in forms.items()}
    made = checked(joint({kind: settings}, on=["image", *targets]), targets)
    compared = 0
    for image, found in batches(made, epochs=1):
        points, absent = found["points"], (found["points"] == -1).all(-1)
        expected = np.where(absent[..., None], -1, points / (WIDTH, HEIGHT))
        np.testing.assert_allclose(found["relative"], expected, rtol=1e-5, atol=1e-6)
        shown = visible(image, points) & ~absent
        np.testing.assert_allclose(points[shown], found_places(image)[shown], atol=0.1)
        compared += int(shown.sum())
    assert compared > COUNT


def test_points_that_leave_the_image_and_points_that_were_absent_are_minus_1() -> None:
    targets = {"place": {"column": "place", "coordinates": "xy"}}
    shift = {"RandomTranslation": {"height_factor": 0, "width_factor": [0.5, 0.5]}}
    plain = batches(checked(None, targets))
    moved = batches(checked(joint(shift, on=["image", "place"]), targets))
    for (_, before), (_, after) in zip(plain, moved, strict=True):
        one, other = before[""], after[""]
        gone = (one == -1).all(-1) | (one[..., 0] + WIDTH / 2 > WIDTH)
        expected = np.where(gone[..., None], -1, one + np.array([WIDTH / 2, 0]))
        np.testing.assert_allclose(other, expected, rtol=1e-5, atol=1e-4)
    assert any((after[""] == -1).any() for _, after in moved)


def test_a_box_is_the_smallest_around_its_moved_corners_and_ends_at_the_border() -> None:
    """The corners are also points, which the test above compares with the image."""
    targets = {"box": {"column": "box", "coordinates": "xyxy"}}
    turn = {"RandomRotation": {"factor": [0.125, 0.125]}}  # an eighth of a turn
    plain = batches(checked(None, targets))
    moved = batches(checked(joint(turn, on=["image", "box"]), targets))
    center = np.array([WIDTH, HEIGHT]) / 2
    angle = -2 * np.pi * 0.125  # counterclockwise; y points downwards
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for (_, before), (_, after) in zip(plain, moved, strict=True):
        x0, y0, x1, y1 = before[""].astype(np.float64).T
        corners = np.stack([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])  # [4, 2, examples]
        turned = np.einsum("ab,cbe->cae", rotation, corners - center[None, :, None])
        turned = turned + center[None, :, None]
        border = np.array([WIDTH, HEIGHT])[:, None]
        low = np.clip(turned.min(0), 0, border)
        high = np.clip(turned.max(0), 0, border)
        np.testing.assert_allclose(after[""], np.concatenate([low, high]).T, rtol=1e-3, atol=0.05)


def test_a_box_that_leaves_the_image_is_minus_1() -> None:
    targets = {"box": {"column": "box", "coordinates": "xyxy"}}
    shift = {"RandomTranslation": {"height_factor": [1, 1], "width_factor": 0}}
    for _, found in batches(checked(joint(shift, on=["image", "box"]), targets)):
        np.testing.assert_array_equal(found[""], -1)


@pytest.mark.parametrize(
    "form", [form for form in get_args(Coordinates) if "h" in form or "yx" in form]
)
def test_every_format_of_boxes_means_what_keras_means_by_it(form: str) -> None:
    import keras
    import tensorflow as tf

    from modelspec.runtime.backend.layers import RandomResizedCrop
    from modelspec.runtime.data.moved_coordinates import Sizes, image_size, moved

    convert = keras.utils.bounding_boxes.convert_format
    boxes = np.load("t.npz")["box"][:, None].astype(np.float32)
    size = {"height": HEIGHT, "width": WIDTH}
    layer = RandomResizedCrop(24, 30, scale=(0.4, 0.8), seed=1)
    image = tf.zeros((COUNT, HEIGHT, WIDTH, 1))
    drawn = layer.get_random_transformation(image)
    sizes = Sizes(image_size(image, False), image_size(tf.zeros((COUNT, 24, 30, 1)), False))
    expected = moved(boxes, "xyxy", layer, drawn, sizes)
    given = convert(boxes, source="xyxy", target=form, **size)
    found = np.asarray(moved(np.asarray(given), form, layer, drawn, sizes))
    absent = (np.asarray(expected) == -1).all(-1)
    np.testing.assert_array_equal(found[absent], -1)
    back = np.asarray(convert(found, source=form, target="xyxy", height=24, width=30))
    np.testing.assert_allclose(back[~absent], np.asarray(expected)[~absent], rtol=1e-4, atol=1e-3)


def test_layers_one_after_the_other_and_a_run_that_continues() -> None:
    targets = {"points": {"column": "points", "coordinates": "xy"}}
    chain = [
        {"RandomFlip": "horizontal"},
        {"RandomContrast": 0.2},
        {"RandomResizedCrop": {"height": 64, "width": 64, "scale": [0.6, 1]}},
        {"RandomCrop": {"height": HEIGHT, "width": WIDTH}},
    ]
    made = checked(joint(*chain, on=["image", "points"]), targets)
    whole = batches(made)
    for image, found in whole:
        points = found[""]
        shown = visible(image, points * (1, 1)) & (points > 8).all(-1)
        sharp = np.maximum(image - 0.3, 0)  # without what the contrast added to the background
        np.testing.assert_allclose(points[shown], found_places(sharp)[shown], atol=1.0)
    for one, other in zip(batches(made, first_epoch=1, first_step=1), whole[4:], strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1][""], other[1][""])


def test_the_layers_that_move_coordinates_are_those_with_the_fact() -> None:
    from modelspec.runtime.data.moved_coordinates import _MAPS

    kinds = {kind for kind in LAYERS.kinds() if _layer(kind).moves_coordinates}
    assert kinds == set(_MAPS) == set(MOVING)
    assert all(_layer(kind).training_only and _layer(kind).moves_values for kind in kinds)


def test_formats_have_two_or_four_numbers() -> None:
    numbers = {form: coordinate_format(form).numbers for form in get_args(Coordinates)}
    assert numbers["xy"] == numbers["rel_xy"] == 2
    assert set(numbers.values()) == {2, 4}


def test_data_of_another_form_are_refused() -> None:
    layers = ["GlobalAveragePooling2D", {"Reshape": [3, 1]}]
    found = compile_spec(
        {
            "model": {"inputs": {"image": [HEIGHT, WIDTH, 3]}, "layers": layers},
            "data": {
                "source": {"npz": "t.npz"},
                "inputs": {"image": {"column": "image"}},
                "targets": {"column": "box", "coordinates": "xyxy"},
                "augment": joint("RandomFlip", on=["image", "reshape"]),
            },
            "training": {"loss": "mse"},
        }
    )
    assert [one.code for one in found.diagnostics if one.severity == "error"] == ["MS695"]


def _layer(kind: str) -> type[Layer]:
    found: Any = LAYERS.find(kind)
    return found
