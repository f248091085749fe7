"""Points and boxes that move with their image: the layers of `augment` move the image, and these
functions compute where its points are afterwards.

Coordinates count pixels from the upper left corner of the image, so the center of its first pixel
is at (0.5, 0.5). Every layer maps points by a matrix and an offset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from modelspec.compiler.spec.coordinates import CoordinateFormat, coordinate_format

ABSENT: Final = -1.0
"""All coordinates of a point or box that is not in the image."""


class Size(NamedTuple):
    """The height and width of images, as tensors."""

    height: Any
    width: Any


class Sizes(NamedTuple):
    """The sizes of images before and after a layer."""

    before: Size
    after: Size


class _Map(NamedTuple):
    """`matrix @ point + offset` gives the place of a point (x, y) after a layer."""

    matrix: Any
    """[examples, 2, 2]"""
    offset: Any
    """[examples, 2]"""


def image_size(images: Any, channels_first: bool) -> Size:
    """The size of a batch of images, in float64."""
    import tensorflow as tf

    shape = tf.cast(tf.shape(images), tf.float64)
    return Size(shape[2], shape[3]) if channels_first else Size(shape[1], shape[2])


def moved(x: Any, form: str, layer: Any, drawn: Any, sizes: Sizes) -> Any:
    """Points or boxes of a batch of images that a layer moved with these random numbers, in the
    given format.

    A box is the smallest one around its moved corners, cut at the border of the image. Points
    outside of the image and boxes of which nothing remains become `ABSENT`; those that were absent
    before stay as they are.
    """
    import tensorflow as tf

    parsed = coordinate_format(form)
    given = tf.reshape(tf.cast(x, tf.float64), [tf.shape(x)[0], -1, parsed.numbers])
    points = _points(given, parsed, sizes.before)
    way = _MAPS[type(layer).__name__](layer, drawn, sizes, tf.shape(x)[0])
    placed = tf.linalg.matmul(points, way.matrix, transpose_b=True) + way.offset[:, None]
    found, inside = (_cut if parsed.of_boxes else _within)(placed, sizes.after)
    written = _written(found, parsed, sizes.after)
    result = tf.where(inside[..., None], written, tf.constant(ABSENT, tf.float64))
    absent = tf.reduce_all(given < 0, axis=-1, keepdims=True)
    return tf.cast(tf.reshape(tf.where(absent, given, result), tf.shape(x)), x.dtype)


# Formats ------------------------------------------------------------------------------------------


def _points(given: Any, form: CoordinateFormat, size: Size) -> Any:
    """Points (x, y) in pixels: [examples, points, 2], with the four corners of each box."""
    import tensorflow as tf

    numbers = dict(zip(form.letters, tf.unstack(given, axis=-1), strict=True))
    if form.relative:
        numbers = {letter: one * _unit(letter, size) for letter, one in numbers.items()}
    if not form.of_boxes:
        return tf.stack([numbers["x"], numbers["y"]], axis=-1)
    left, right = _ends(numbers, "x", "w", centered=form.centered)
    top, bottom = _ends(numbers, "y", "h", centered=form.centered)
    corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
    found = tf.stack([tf.stack(corner, axis=-1) for corner in corners], axis=2)
    return tf.reshape(found, [tf.shape(given)[0], -1, 2])


def _ends(numbers: dict[str, Any], place: str, size: str, *, centered: bool) -> tuple[Any, Any]:
    if size not in numbers:
        return numbers[place], numbers[f"{place}2"]
    begin = numbers[place] - numbers[size] / 2 if centered else numbers[place]
    return begin, begin + numbers[size]


def _written(found: Any, form: CoordinateFormat, size: Size) -> Any:
    """Points, or the ends of boxes (left, top, right, bottom), in a format."""
    import tensorflow as tf

    if form.of_boxes:
        left, top, right, bottom = tf.unstack(found, axis=-1)
        width, height = right - left, bottom - top
        x, y = (left + width / 2, top + height / 2) if form.centered else (left, top)
        numbers = {"x": x, "y": y, "w": width, "h": height, "x2": right, "y2": bottom}
    else:
        numbers = {"x": found[..., 0], "y": found[..., 1]}
    units = (_unit(letter, size) if form.relative else 1.0 for letter in form.letters)
    parts = [numbers[letter] / unit for letter, unit in zip(form.letters, units, strict=True)]
    return tf.stack(parts, axis=-1)


def _unit(letter: str, size: Size) -> Any:
    return size.width if letter in ("x", "x2", "w") else size.height


def _within(points: Any, size: Size) -> tuple[Any, Any]:
    """Points, and which of them are in the image."""
    import tensorflow as tf

    x, y = points[..., 0], points[..., 1]
    across = tf.logical_and(x >= 0, x <= size.width)
    return points, tf.logical_and(across, tf.logical_and(y >= 0, y <= size.height))


def _cut(corners: Any, size: Size) -> tuple[Any, Any]:
    """Boxes around their corners, cut at the border of the image, and which have an area."""
    import tensorflow as tf

    found = tf.reshape(corners, [tf.shape(corners)[0], -1, 4, 2])
    border = tf.stack([size.width, size.height])
    low = tf.clip_by_value(tf.reduce_min(found, axis=2), 0.0, border)
    high = tf.clip_by_value(tf.reduce_max(found, axis=2), 0.0, border)
    return tf.concat([low, high], axis=-1), tf.reduce_all(high > low, axis=-1)


# Layers -------------------------------------------------------------------------------------------


def _flip(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    import tensorflow as tf

    flips = tf.reshape(drawn["flips"], [count])
    across = tf.logical_and(flips, "horizontal" in layer.mode)
    down = tf.logical_and(flips, "vertical" in layer.mode)
    signs = tf.stack([_sign(across), _sign(down)], axis=-1)
    size = tf.stack([sizes.before.width, sizes.before.height])
    return _Map(tf.linalg.diag(signs), size * (1 - signs) / 2)


def _sign(turned: Any) -> Any:
    import tensorflow as tf

    return tf.where(turned, tf.constant(-1.0, tf.float64), tf.constant(1.0, tf.float64))


def _rotation(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    import tensorflow as tf

    numbers = tf.reshape(tf.cast(drawn["rotation_matrix"], tf.float64), [count, 8])
    matrix = tf.reshape(tf.gather(numbers, [0, 1, 3, 4], axis=1), [count, 2, 2])
    return _inverse(matrix, tf.gather(numbers, [2, 5], axis=1))


def _shear(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    import tensorflow as tf

    factors = tf.reshape(tf.cast(drawn["shear_factor"], tf.float64), [count, 2])
    ones = tf.ones([count], tf.float64)
    numbers = tf.stack([ones, factors[:, 0], factors[:, 1], ones], axis=1)
    return _inverse(tf.reshape(numbers, [count, 2, 2]), tf.zeros([count, 2], tf.float64))


def _zoom(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    import tensorflow as tf

    both = tf.concat([drawn["width_zoom"], drawn["height_zoom"]], axis=1)
    zooms = tf.reshape(tf.cast(both, tf.float64), [count, 2])
    center = tf.stack([sizes.before.width, sizes.before.height]) / 2
    return _Map(tf.linalg.diag(1 / zooms), center * (1 - 1 / zooms))


def _translation(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    import tensorflow as tf

    offset = tf.reshape(tf.cast(drawn["translations"], tf.float64), [count, 2])
    return _Map(tf.eye(2, batch_shape=[count], dtype=tf.float64), offset)


def _crop(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    """`RandomCrop` of Keras, which draws one place for the batch and enlarges a smaller image."""
    import tensorflow as tf

    top, left = (tf.cast(one, tf.float64) for one in drawn)
    taken = Size(
        tf.minimum(sizes.after.height, sizes.before.height - top),
        tf.minimum(sizes.after.width, sizes.before.width - left),
    )
    each = tf.ones([count], tf.float64)
    return _resized(top * each, left * each, taken, sizes.after)


def _resized_crop(layer: Any, drawn: Any, sizes: Sizes, count: Any) -> _Map:
    import tensorflow as tf

    top, left, height, width = (
        tf.cast(drawn[name], tf.float64) for name in ("top", "left", "height", "width")
    )
    return _resized(top, left, Size(height, width), sizes.after)


def _resized(top: Any, left: Any, taken: Size, made: Size) -> _Map:
    """The map of a part of an image that is resized."""
    import tensorflow as tf

    scales = tf.stack([made.width / taken.width, made.height / taken.height], axis=-1)
    scales = tf.broadcast_to(scales, [tf.shape(top)[0], 2])
    return _Map(tf.linalg.diag(scales), -tf.stack([left, top], axis=-1) * scales)


def _inverse(matrix: Any, offset: Any) -> _Map:
    """The map of a layer for which `matrix @ pixel + offset` is the pixel of the image before that
    its result shows at a pixel. Pixels are counted by their centers.
    """
    import tensorflow as tf

    a, b, c, d = (matrix[:, row, column] for row in (0, 1) for column in (0, 1))
    parts = tf.stack([d, -b, -c, a], axis=1) / (a * d - b * c)[:, None]
    back = tf.reshape(parts, [-1, 2, 2])  # of a singular matrix not finite: outside of the image
    return _Map(back, 0.5 - tf.linalg.matvec(back, 0.5 + offset))


_MAPS: Final[dict[str, Callable[[Any, Any, Sizes, Any], _Map]]] = {
    "RandomFlip": _flip,
    "RandomRotation": _rotation,
    "RandomShear": _shear,
    "RandomZoom": _zoom,
    "RandomTranslation": _translation,
    "RandomCrop": _crop,
    "RandomResizedCrop": _resized_crop,
}
"""Every layer with the fact `moves_coordinates`."""
