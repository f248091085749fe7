"""One image file to an array, whatever its format and its colors. What is claimed of its size is
checked before it is decoded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.catalog.sources.images import images
from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.table import Array

from .files import said

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "BMP", "GIF")
_MODES = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}
CHANNELS = {"rgb": 3, "grayscale": 1, "rgba": 4}
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    AttributeError,
)
"""What Pillow's readers raise for damaged files."""


def read_picture(path: Path, shown: str, source: images) -> Array:
    """The image as uint8, [height, width, channels].

    Raises `Fault`: MS644 where the file does not decode, MS645 where it claims more pixels than it
    may have.
    """
    from PIL import Image, UnidentifiedImageError

    # Else the first file of another kind than the first format loads the readers of every format.
    Image.preinit()
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > source.max_pixels:
                raise _too_large(shown, width, height, source)
            image.load()
            return _array(_sized(_colored(image, source.color_mode), source))
    except Fault:
        raise
    except Image.DecompressionBombError as error:
        raise Fault("MS645", f"`{shown}` is refused: {said(error)}") from None
    except UnidentifiedImageError:
        raise Fault(
            "MS644",
            f"`{shown}` is no image that can be read{_what(path)}",
            help="PNG, JPEG, BMP and GIF are read: remove the file, or write it in one of these",
        ) from None
    except _BROKEN as error:
        raise Fault(
            "MS644", f"`{shown}` does not decode: {said(error)}", help="write, copy or remove it"
        ) from None


def _too_large(shown: str, width: int, height: int, source: images) -> Fault:
    return Fault(
        "MS645",
        f"`{shown}` has {width} x {height} pixels, more than `max_pixels: {source.max_pixels}`",
        help="remove it, make it smaller, or raise `max_pixels`",
    )


def _what(path: Path) -> str:
    """What the first bytes say of a file that is no image."""
    with path.open("rb") as file:
        start = file.read(12)
    if not start:
        return ": it is empty"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ": it is WebP"
    known = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"PK\3\4": "a zip archive"}
    found = known.get(start[:4]) or ("AVIF or HEIF" if start[4:8] == b"ftyp" else None)
    return f": it is {found}" if found else ""


def _colored(image: Image, color_mode: str) -> Image:
    """Turned as the camera noted, in the wanted channels."""
    from PIL import Image as Images
    from PIL import ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would cut off at 255
        values = np.asarray(image).astype(np.int64)
        image = Images.fromarray(((np.clip(values, 0, 65535) + 128) // 257).astype(np.uint8))
    if image.mode == "P" and color_mode == "grayscale":
        image = image.convert("RGB")
    mode = _MODES[color_mode]
    return image if image.mode == mode else image.convert(mode)


def _sized(image: Image, source: images) -> Image:
    from PIL import Image as Images

    if source.size is None:
        return image
    height, width = source.size
    if (image.width, image.height) == (width, height):
        return image
    if source.crop_to_aspect_ratio:
        image = _middle(image, width, height)
    elif source.pad_to_aspect_ratio:
        image = _padded(image, width, height)
    names = {"area": "BOX", "lanczos3": "LANCZOS"}
    how = Images.Resampling[names.get(source.interpolation, source.interpolation.upper())]
    return image.resize((width, height), how)


def _middle(image: Image, width: int, height: int) -> Image:
    """The largest part in the middle that has the shape of the size, in whole pixels, as Keras cuts
    it.
    """
    wide = max(1, min(image.width, image.height * width // height))
    high = max(1, min(image.height, image.width * height // width))
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    return image.crop((left, top, left + wide, top + high))


def _padded(image: Image, width: int, height: int) -> Image:
    from PIL import Image as Images

    wide, high = (
        max(image.width, image.height * width // height),
        max(image.height, image.width * height // width),
    )
    found = Images.new(image.mode, (wide, high))
    found.paste(image, ((wide - image.width) // 2, (high - image.height) // 2))
    return found


def _array(image: Any) -> Array:
    values = np.asarray(image)
    return values if values.ndim == 3 else values[..., None]
