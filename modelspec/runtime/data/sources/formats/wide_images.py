"""Which files have 16 bits per channel, whatever their format."""

from __future__ import annotations

from pathlib import Path

from . import png_16_bit
from .tiff_pages import wide_tiff

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def has_16_bits(path: Path) -> bool:
    """Whether a file has 16 bits per channel, of which all are read. Raises `OSError`."""
    with path.open("rb") as file:
        start = file.read(4)
    if start not in _TIFF:
        return png_16_bit.has_16_bits(path)
    from PIL import Image

    try:
        with Image.open(path, formats=("TIFF",)) as image:
            return wide_tiff(image)
    except Exception:  # noqa: BLE001  # a damaged file is reported where it is decoded
        return False
