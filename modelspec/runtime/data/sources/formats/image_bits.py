"""Which of many images have 16 bits per channel."""

from __future__ import annotations

from modelspec.core.diagnostics import Diagnostic, Note, Span

from . import files
from .class_folders import Member
from .wide_images import has_16_bits


def of_16_bits(found: list[Member]) -> list[Member]:
    """The images of 16 bits per channel. Raises `Fault` (MS601)."""
    wide = []
    for one in found:
        try:
            if has_16_bits(one.path):
                wide.append(one)
        except OSError as error:
            raise files.cannot_read(one.shown, error) from None
    return wide


def mixed(wide: list[Member], count: int, name: str, span: Span | None) -> Diagnostic:
    """MS666, as a warning: images of 8 bits beside those of 16."""
    many = f"{len(wide):,} of {count:,} images of {name} have 16 bits per channel"
    return Diagnostic(
        "MS666",
        "warning",
        f"{many}: the values of the others are multiplied by 257, to the same range",
        span,
        (Note(f"`{wide[0].shown}` is the first of 16 bits"),),
        "write all images with the same bit depth",
    )
