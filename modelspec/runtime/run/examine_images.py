"""Small PNG files of images and of masks."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np

from ..data.contact_sheet import in_color, levels, limits
from ..data.table import Array

_LARGEST: Final = 160
"""Maximum width and height in pixels."""
_PALETTE: Final = np.array(
    [
        (38, 40, 46), (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66),
        (204, 121, 167), (213, 94, 0), (0, 114, 178), (180, 180, 180), (120, 94, 240),
    ],
    np.uint8,
)  # fmt: skip
"""The colors of the classes of a mask: they can be distinguished by people with color vision
deficiency.
"""
_IGNORED: Final = (255, 255, 255)


def image_png(image: Array, low: float | None = None, high: float | None = None) -> bytes:
    """An image [height, width] or [height, width, channels]; `low` is black and `high` is white."""
    image = np.nan_to_num(np.asarray(image))
    if low is None or high is None:
        low, high = limits(image)
    return _png(in_color(levels(image, low, high if high > low else low + 1)))


def mask_png(mask: Array, kept: Array) -> bytes:
    """A mask [height, width] of classes in colors; ignored pixels are white."""
    colors = _PALETTE[np.where(mask == 0, 0, (mask - 1) % (len(_PALETTE) - 1) + 1)]
    return _png(np.where(kept[..., None], colors, np.array(_IGNORED, np.uint8)), smooth=False)


def _png(pixels: Array, *, smooth: bool = True) -> bytes:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    how = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    image.thumbnail((_LARGEST, _LARGEST), how)
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
