"""One mask file to the class number of each pixel: the stored values, not the displayed colors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.table import Array

from .class_folders import Member
from .image_decoder import Decoding, opened, sized, turned
from .tiff_pages import wide_tiff
from .wide_images import has_16_bits

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST = 255
_ORIENTATION = 0x0112
_GREY = ("1", "L", "LA", "I", "I;16", "I;16L", "I;16B")


def read_mask(path: Path, shown: str, source: Decoding, of: Member | None = None) -> Array:
    """The mask as uint8, [height, width, 1]: the grey values or palette indices of the file, or
    with `mask_values` their indices in that list. It is resized by nearest neighbor.

    Raises `Fault`: as `read_picture`; MS678 for a file without one value per pixel, MS677 for a
    value that is not listed, MS676 if its image has another aspect ratio.
    """
    with opened(path, shown, source) as image:
        values = turned(_stored(image, path, shown), image.getexif().get(_ORIENTATION, 1))
    if of is not None:
        _check_proportions(values.shape, shown, of, source)
    if source.mask_values is not None:
        values = _mapped(values, source.mask_values, shown)
    elif values.max(initial=0) > _MOST:
        raise Fault(
            "MS678",
            f"`{shown}` has the value {values.max()}, but masks have at most 256 classes",
            help="set `mask_values` to the values of the classes 0, 1, ...",
        )
    return _resized(values.astype(np.uint8), source)[..., None]


def _stored(image: Image, path: Path, shown: str) -> Array:
    """The stored values of the file, [height, width]."""
    if image.mode in ("P", "PA"):
        return np.asarray(image if image.mode == "P" else image.getchannel(0))
    if image.mode in _GREY or wide_tiff(image):
        if image.mode == "LA":
            image = image.getchannel(0)
        found: Array = np.asarray(image).astype(np.int64)
        return found // _scale(path) if image.mode == "L" else found
    if image.mode in ("RGB", "RGBA") and not has_16_bits(path):
        channels = np.asarray(image)
        if (channels[..., 1:3] == channels[..., :1]).all():  # grey, in three equal channels
            return channels[..., 0]
    raise Fault(
        "MS678",
        f"`{shown}` has colors, but a mask requires one number per pixel",
        help="save it in grey, or with a palette whose indices are the classes",
    )


def _scale(path: Path) -> int:
    """The factors by which Pillow scales the grey values of 2-bit and 4-bit PNG files."""
    with path.open("rb") as file:
        start = file.read(26)
    if start[:4] != b"\x89PNG" or start[25:26] != b"\0":
        return 1
    return {2: 85, 4: 17}.get(start[24], 1)


def _mapped(values: Array, listed: tuple[int, ...], shown: str) -> Array:
    """The index of each value in the list. Raises `Fault` (MS677) for a value that is not
    listed.
    """
    found = np.full(values.shape, -1, np.int64)
    for place, value in enumerate(listed):
        found[values == value] = place
    bad = np.argwhere(found < 0)
    if len(bad):
        row, column = (int(one) for one in bad[0])
        others = np.unique(values[found < 0])
        more = f" and {len(others) - 1} other values" if len(others) > 1 else ""
        raise Fault(
            "MS677",
            f"`{shown}` has the value {int(values[row, column])} at row {row + 1}, column"
            f" {column + 1}{more}, which `mask_values` does not list",
            help=f"it lists {list(listed)}: add the value, or fix the file",
        )
    return found


def _check_proportions(sizes: tuple[int, ...], shown: str, of: Member, source: Decoding) -> None:
    """Raises `Fault` (MS676) for a mask with another aspect ratio than its image: the resized mask
    would not match it.
    """
    with opened(of.path, of.shown, source, load=False) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
    rows, columns = sizes[:2]
    if abs(rows * width - columns * height) > max(width, height):  # by more than a pixel
        raise Fault(
            "MS676",
            f"`{shown}` has {columns} x {rows} pixels, but its image `{of.shown}` has {width} x"
            f" {height}",
            help="a mask covers the whole image and has the same aspect ratio",
        )


def _resized(values: Array, source: Decoding) -> Array:
    from PIL import Image as Images

    if source.size is None:
        return values
    found: Any = sized(Images.fromarray(values), source._replace(interpolation="nearest"))
    return np.asarray(found)
