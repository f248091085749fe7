"""What TIFF files have that other images do not: several pages, and 16 bits per channel that Pillow
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
    """Whether an image has 16 bits of grey that Pillow keeps."""
    return image.format == "TIFF" and image.mode in _WIDE


def check_bits(image: Image, shown: str) -> None:
    """Raises `Fault` (MS644) for a TIFF file of whose bits Pillow keeps 8 alone."""
    if image.format != "TIFF" or image.mode in (*_WIDE, "I", "F"):
        return
    bits = max(image.tag_v2.get(_BITS, (1,)))  # type: ignore[attr-defined]  # of TIFF
    if bits > 8:
        raise Fault(
            "MS644",
            f"`{shown}` is a TIFF file with {bits} bits for each of its colors, of which 8 would be"
            " left",
            help="write it as PNG, of which all 16 bits are read",
        )


def check_pages(image: Image, shown: str) -> None:
    """Raises `Fault` (MS679) for a TIFF file with several pages, of which smaller versions of the
    first do not count. The first page is the current one then.
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
            f"`{shown}` has {pages} pages, of which each would be an example",
            help="write each page as a file of its own",
        )
