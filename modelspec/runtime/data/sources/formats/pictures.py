"""Decoders of image files: images and masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from modelspec.catalog.sources.common.picture_settings import CHANNELS
from modelspec.core.diagnostics import Fault
from modelspec.core.quiet_warnings import ignoring
from modelspec.runtime.data.table import Array

from .class_folders import Member
from .decoded_files import Decoder, Expected
from .image_bits import of_16_bits
from .image_decoder import Decoding, read_picture
from .mask_decoder import read_mask


class PictureDecoder(Decoder):
    """Base of the decoders of images and masks."""

    settings: Decoding

    @property
    def channels(self) -> int:
        raise NotImplementedError

    @property
    def assumed(self) -> Expected:
        size = self.settings.size or (1, 1)
        return Expected("", (*size, self.channels), np.dtype(np.uint8))

    def misfit(self, member: Member, found: Array, first: Expected) -> Fault:
        return Fault(
            "MS646",
            f"`{member.shown}` has {found.shape[1]} x {found.shape[0]} pixels, but "
            f"`{first.shown}` has {first.shape[1]} x {first.shape[0]}",
            help="set `size`, to which every image is resized",
        )

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Without Pillow's warning of large images: `max_pixels` makes these faults."""
        from PIL import Image

        with ignoring(Image.DecompressionBombWarning):
            yield


class ImageDecoder(PictureDecoder):
    """Images of 8 or 16 bits; if a column has both, all get the levels of 16."""

    def __init__(self, settings: Decoding, found: Sequence[Member]) -> None:
        self.settings = settings
        self._wide = frozenset(of_16_bits(list(found)))
        self.bits = 16 if self._wide else 8

    @property
    def channels(self) -> int:
        return CHANNELS[self.settings.color_mode]

    def wide_of(self, found: Sequence[Member]) -> list[Member]:
        """Which of the kept files have 16 bits; if none has, all have 8."""
        wide = [one for one in found if one in self._wide]
        self.bits = 16 if wide else 8
        return wide

    def __call__(self, member: Member) -> Array:
        """An image; among 16-bit images, one of 8 bits is scaled to 16, as defined for PNG."""
        found = read_picture(member.path, member.shown, self.settings)
        narrow = self.bits == 16 and found.dtype == np.uint8
        return found.astype(np.uint16) * np.uint16(257) if narrow else found


class MaskDecoder(PictureDecoder):
    """Masks: a class number for each pixel."""

    def __init__(self, settings: Decoding, images: dict[Member, Member] | None = None) -> None:
        self.settings = settings
        self._images = images or {}
        """The image of each mask, if it is known."""

    @property
    def channels(self) -> int:
        return 1

    def __call__(self, member: Member) -> Array:
        image = self._images.get(member)
        return read_mask(member.path, member.shown, self.settings, image)
