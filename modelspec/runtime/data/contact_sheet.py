"""Contact sheets: the first images of an input, in rows, in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .table import Array

_ACROSS, _DOWN = 8, 10
_GAP = 2
_SMALLEST = 32
"""Images with fewer pixels in width are enlarged."""


def is_images(values: Array) -> bool:
    """Whether examples look like images."""
    return values.dtype.kind in "uif" and is_image(values.shape[1:])


def is_image(sizes: Sequence[int | None]) -> bool:
    """Whether this can be the shape of an image: [height, width] or [height, width, 1 or 3 or 4],
    at least 8 by 8.
    """
    return (
        len(sizes) in (2, 3)
        and min(size or 0 for size in sizes[:2]) >= 8
        and (len(sizes) == 2 or sizes[2] in (1, 3, 4))
    )


def rows_of(count: int, classes: Array | None) -> list[Sequence[int]]:
    """The examples of each row: the first of each class where there are few classes, otherwise the
    first examples.
    """
    if classes is not None:
        found = np.unique(classes)
        if 1 < len(found) <= _DOWN:
            return [np.flatnonzero(classes == one)[:_ACROSS].tolist() for one in found]
    shown = min(count, 4 * _ACROSS)
    return [range(start, min(start + _ACROSS, shown)) for start in range(0, shown, _ACROSS)]


def draw(values: Array, rows: Sequence[Sequence[int]], path: Path) -> None:
    """Writes a PNG. Numbers outside 0 to 255 are scaled from the smallest to the largest. Raises
    `OSError`.
    """
    from PIL import Image

    height, width = values.shape[1:3]
    larger = max(1, -(-_SMALLEST // width))
    step_y, step_x = height * larger + _GAP, width * larger + _GAP
    sheet = np.full(
        (len(rows) * step_y + _GAP, max(map(len, rows)) * step_x + _GAP, 3), 255, np.uint8
    )
    chosen = np.concatenate([np.asarray(values[list(row)]) for row in rows])
    low, high = limits(chosen)
    images = iter(levels(chosen, low, high))
    for down, row in enumerate(rows):
        for across in range(len(row)):
            image = in_color(next(images)).repeat(larger, 0).repeat(larger, 1)
            top, left = _GAP + down * step_y, _GAP + across * step_x
            sheet[top : top + height * larger, left : left + width * larger] = image
    Image.fromarray(sheet).save(path, "PNG")


def with_masks(
    values: Array, targets: Mapping[str, Array], rows: Sequence[Sequence[int]]
) -> tuple[Array, Sequence[Sequence[int]]]:
    """The images of the rows, each with its masks to the right, and the new rows; the given images
    and rows where there are no masks. Classes are scaled from black to white.
    """
    masks = [one for one in targets.values() if _is_mask_of(values, one)]
    if not masks:
        return values, rows
    chosen = [index for row in rows for index in row]
    low, high = limits(np.asarray(values[chosen]))
    parts = [levels(np.asarray(values[chosen]), low, high)]
    for mask in masks:
        classes = np.asarray(mask[chosen]).reshape(len(chosen), *values.shape[1:3])
        highest = max(1.0, float(classes.max(initial=1)))
        parts.append(levels(classes, 0.0, highest))
    together = np.concatenate([np.stack([in_color(one) for one in part]) for part in parts], 2)
    ends = np.cumsum([len(row) for row in rows])
    return together, [
        range(end - len(row), end) for row, end in zip(rows, ends.tolist(), strict=True)
    ]


def _is_mask_of(values: Array, mask: Array) -> bool:
    """Whether an array has one number for each pixel of images."""
    sizes = values.shape[:3]
    return mask.dtype.kind in "biuf" and mask.shape in (sizes, (*sizes, 1))


def levels(values: Array, low: float, high: float) -> Array:
    """Numbers as integers from 0 to 255."""
    found: Array = np.round((values.astype(np.float64) - low) * (255 / (high - low)))
    return found.clip(0, 255).astype(np.uint8)


def limits(values: Array) -> tuple[float, float]:
    """The values of black and white."""
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint8 or (low >= 0 and 1 < high <= 255):
        return 0.0, 255.0
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1


def in_color(image: Array) -> Array:
    """An image with three channels."""
    grey = image if image.ndim == 2 else image[..., 0] if image.shape[2] == 1 else None
    found: Array = image[..., :3] if grey is None else np.stack([grey] * 3, axis=-1)
    return found
