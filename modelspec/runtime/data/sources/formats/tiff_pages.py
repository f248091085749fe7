"""The features that only TIFF files have: several pages, and 16 bits per channel that Pillow
keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelspec.core.diagnostics import Fault

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDE = ("I;16", "I;16L", "I;16B")
_KIND = 254
"""The tag `NewSubfileType`, whose lowest bit marks a smaller version of another page (TIFF 6.0,
section 8).
"""
_BITS = 258
"""The tag `BitsPerSample`."""
_MOST = 10_000


def wide_tiff(image: Image) -> bool:
    """Whether an image has 16 bits of grey, which Pillow keeps."""
    return image.format == "TIFF" and image.mode in _WIDE


def check_bits(image: Image, shown: str) -> None:
    """Raises `Fault` (MS644) for a TIFF file of more bits than the 8 that Pillow keeps."""
    if image.format != "TIFF" or image.mode in (*_WIDE, "I", "F"):
        return
    bits = max(image.tag_v2.get(_BITS, (1,)))  # type: ignore[attr-defined]  # of TIFF
    if bits > 8:
        raise Fault(
            "MS644",
            f"`{shown}` is a TIFF file with {bits} bits for each of its colors, of which 8 would be"
            " left",
            help="save it as PNG, which is read with all 16 bits",
        )


def check_pages(image: Image, shown: str) -> None:
    """Raises `Fault` (MS679) for a TIFF file with several pages, not counting smaller versions of
    the first. Afterwards the first page is the current one.
    """
    if image.format != "TIFF":
        return
    count = getattr(image, "n_frames", 1)
    pages = 0
    for page in range(min(count, _MOST)):
        image.seek(page)
        pages += not (int(image.tag_v2.get(_KIND, 0)) & 1)  # type: ignore[attr-defined]  # of TIFF
    image.seek(0)
    if pages > 1:
        raise Fault(
            "MS679",
            f"`{shown}` has {pages} pages, but an example is a single image",
            help="save each page as a separate file",
        )
