"""One image file to an array, whatever its format and its colors. The claimed size is checked
before it is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.table import Array

from .files import said
from .png_16_bit import read_png
from .tiff_pages import check_bits, check_pages, wide_tiff
from .wide_images import has_16_bits

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
_MODES = {"rgb": "RGB", "grayscale": "L", "rgba": "RGBA"}
BROKEN = (
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


class Decoding(NamedTuple):
    """How image files become arrays: the settings of the `images` source with these names."""

    size: tuple[int, int] | None = None
    color_mode: str = "rgb"
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    max_pixels: int = 50_000_000
    mask_values: tuple[int, ...] | None = None

    @classmethod
    def of(cls, settings: Any) -> Decoding:
        """The decoder of a source, or of a feature that reads files."""
        return cls(*(getattr(settings, name) for name in cls._fields))


def read_picture(path: Path, shown: str, source: Decoding) -> Array:
    """The image as uint8, or as uint16 if the file has 16 bits per channel: [height, width,
    channels].

    Raises `Fault`: MS644 if the file does not decode, MS645 if it claims more pixels than allowed,
    MS679 if it contains several images.
    """
    with opened(path, shown, source) as image:
        if wide_tiff(image):
            return _of_16_bits(np.asarray(image)[..., None].astype(np.uint16), image, source)
        if has_16_bits(path):
            return _of_16_bits(read_png(path, image.size), image, source)
        if image.mode in ("I", "F"):
            raise _too_wide(shown, image.mode)
        return _array(sized(_colored(image, source.color_mode), source))


@contextmanager
def opened(path: Path, shown: str, source: Decoding, *, load: bool = True) -> Iterator[Image]:
    """A file as Pillow decodes it, or its header without `load`. Errors during its use are faults,
    as in `read_picture`.
    """
    from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

    # Otherwise the first file in another format would load the readers of every format.
    Image.preinit()
    assert TiffImagePlugin and WebPImagePlugin  # not loaded by `preinit`
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > source.max_pixels:
                raise _too_large(shown, width, height, source)
            check_pages(image, shown)
            check_bits(image, shown)
            if load:
                image.load()
            yield image
    except Fault:
        raise
    except Image.DecompressionBombError as error:
        raise Fault("MS645", f"`{shown}` is refused: {said(error)}") from None
    except UnidentifiedImageError:
        raise Fault(
            "MS644",
            f"`{shown}` is not a readable image{_what(path)}",
            help="remove the file, or convert it to PNG, JPEG, BMP, GIF, WebP or TIFF",
        ) from None
    except BROKEN as error:
        raise Fault(
            "MS644",
            f"`{shown}` cannot be decoded: {said(error)}",
            help="write or copy it again, or remove it",
        ) from None


def _too_wide(shown: str, mode: str) -> Fault:
    what = "32-bit integers" if mode == "I" else "floating-point numbers"
    return Fault(
        "MS644",
        f"`{shown}` has pixels that are {what}",
        help="use images of 8 or 16 bits, or an `npz` or `npy` file",
    )


def _too_large(shown: str, width: int, height: int, source: Decoding) -> Fault:
    return Fault(
        "MS645",
        f"`{shown}` has {width} x {height} pixels, more than `max_pixels: {source.max_pixels}`",
        help="remove it, resize it, or increase `max_pixels`",
    )


def _what(path: Path) -> str:
    """The description of a file that is not an image, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(12)
    if not start:
        return ": it is empty"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ": it is a damaged WebP file"
    tiff = "a TIFF file that is damaged, or not supported by Pillow"
    known = {b"II*\0": tiff, b"MM\0*": tiff, b"%PDF": "PDF", b"PK\3\4": "a zip archive"}
    found = known.get(start[:4]) or ("AVIF or HEIF" if start[4:8] == b"ftyp" else None)
    return f": it is {found}" if found else ""


def _colored(image: Image, color_mode: str) -> Image:
    """Rotated by its orientation tag, in the wanted channels."""
    from PIL import ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "P" and color_mode == "grayscale":
        image = image.convert("RGB")
    mode = _MODES[color_mode]
    return image if image.mode == mode else image.convert(mode)


def sized(image: Image, source: Decoding) -> Image:
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
    """The largest centered part with the aspect ratio of the size, in whole pixels, like Keras's
    crop.
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


# 16 bits ------------------------------------------------------------------------------------------

_LEVELS = 65535
_ORIENTATION = 0x0112
"""The EXIF tag of the orientation."""


def _of_16_bits(stored: Array, image: Image, source: Decoding) -> Array:
    """The same for an image that Pillow would reduce to 8 bits."""
    upright = turned(stored, image.getexif().get(_ORIENTATION, 1))
    values = _in_channels(upright, source.color_mode)
    if source.size is None or values.shape[:2] == source.size:
        return values
    weighed = source.color_mode == "rgba" and source.interpolation != "nearest"
    if not weighed:
        return _rounded(_resized(values.astype(np.float32), source))
    # As Pillow does for 8 bits: transparent pixels do not bleed into their neighbors.
    alpha = values[..., 3:].astype(np.float32)
    found = _resized(np.concatenate([values[..., :3] * (alpha / _LEVELS), alpha], -1), source)
    covered = np.maximum(found[..., 3:], 1e-3)
    return _rounded(np.concatenate([found[..., :3] * (_LEVELS / covered), found[..., 3:]], -1))


def turned(values: Array, orientation: Any) -> Array:
    """The image upright."""
    ways = {
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.swapaxes(0, 1),
        6: np.rot90(values, -1),
        7: values[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(values),
    }
    return np.ascontiguousarray(ways.get(orientation, values))


def _in_channels(values: Array, color_mode: str) -> Array:
    """The image in the wanted channels; grey with Pillow's weights for 8 bits."""
    channels = values.shape[-1]
    alpha = values[..., -1:] if channels in (2, 4) else np.full_like(values[..., :1], _LEVELS)
    color = values[..., : channels - (channels in (2, 4))]
    if color_mode == "grayscale":
        if color.shape[-1] == 1:
            return np.ascontiguousarray(color)
        grey = color.astype(np.uint64) @ np.array([19595, 38470, 7471], np.uint64)
        return ((grey + 0x8000) >> np.uint64(16)).astype(np.uint16)[..., None]
    color = np.broadcast_to(color, (*color.shape[:2], 3))
    return np.concatenate([color, alpha], -1) if color_mode == "rgba" else color.copy()


def _resized(values: Array, source: Decoding) -> Array:
    """Each channel resized, in float32."""
    from PIL import Image as Images

    planes = [Images.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(values, -1, 0)]
    return np.stack([np.asarray(sized(plane, source)) for plane in planes], -1)


def _rounded(values: Array) -> Array:
    return np.floor(np.clip(values, 0, _LEVELS) + 0.5).astype(np.uint16)
