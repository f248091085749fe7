"""Columns of images: files that are decoded a few at a time, all to one shape and dtype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np

from modelspec.catalog.sources.common.picture_settings import CHANNELS
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.quiet_warnings import ignoring
from modelspec.runtime.data.errors import Findings
from modelspec.runtime.data.table import BLOCK, Array

from . import files
from .class_folders import Member
from .image_bits import of_16_bits
from .image_decoder import Decoding, read_picture
from .mask_decoder import read_mask
from .stored_arrays import fitting

_THREADS, _AT_ONCE = 4, 8
"""The number of images that a thread decodes at a time: assigning one costs as much as decoding a
small one.
"""


class Decoder(Protocol):
    """How a file becomes an array."""

    settings: Decoding

    def __call__(self, member: Member) -> Array:
        """Raises `Fault` or `OSError`."""

    @property
    def channels(self) -> int: ...


class ImageDecoder:
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


class MaskDecoder:
    """Masks: a class number for each pixel."""

    channels = 1

    def __init__(self, settings: Decoding, images: dict[Member, Member] | None = None) -> None:
        self.settings = settings
        self._images = images or {}
        """The image of each mask, if it is known."""

    def __call__(self, member: Member) -> Array:
        image = self._images.get(member)
        return read_mask(member.path, member.shown, self.settings, image)


class _First(NamedTuple):
    """The known properties of every image."""

    shown: str
    """The image from which they are known."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of an image."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


class Pictures:
    """A column of images, in the order of its files."""

    def __init__(self, name: str, found: list[Member], decoder: Decoder, span: Span | None) -> None:
        self.name = name
        """The column and its source, in the form for messages."""
        self.members = found
        self.decoder = decoder
        self._span = span
        self._found: _First | None = None

    def keep(self, places: Sequence[int]) -> None:
        """Keeps only these images."""
        self.members = [self.members[place] for place in places]
        self._found = None

    def read(self) -> Array:
        """All images. Raises `Fault` or `DataError`."""
        first = self.first
        size = first.size * len(self.members)
        files.believe(size, size, self.name)
        found = np.empty((len(self.members), *first.shape), first.dtype)
        for start, block in self.blocks(BLOCK):
            found[start : start + len(block)] = block
        return found

    def rows_of_block(self, rows: int) -> int:
        """How many may be decoded at once, at most."""
        return fitting(rows, [self.first.size])

    def blocks(self, rows: int) -> Iterator[tuple[int, Array]]:
        """Blocks of images with the position of the first. Raises `DataError` with every image that
        has a problem.
        """
        findings = Findings()
        block: list[Array] = []
        start = 0
        for at, found in enumerate(self.each()):
            if isinstance(found, Fault):
                findings.extend([found.at(self._span)])
            if not findings.ok:
                block = []
                continue  # problems of the other images are reported too
            assert not isinstance(found, Fault)
            block.append(found)
            if len(block) == rows or at == len(self.members) - 1:
                yield start, np.stack(block)
                start, block = at + 1, []
        findings.stop_if_wrong()

    def each(self) -> Iterator[Array | Fault]:
        """Every image, or its fault, decoded a few at a time."""
        waiting = iter(self.members)
        with ThreadPoolExecutor(_THREADS) as pool:
            while some := list(islice(waiting, _AT_ONCE * _THREADS)):
                parts = [some[at : at + _AT_ONCE] for at in range(0, len(some), _AT_ONCE)]
                with quiet():
                    found = list(pool.map(self._some, parts))
                for each in found:
                    yield from each

    @property
    def first(self) -> _First:
        """The properties required of every image: those of the first readable one."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def _look(self) -> _First:
        for one in self.members:
            try:
                with quiet():
                    found = self.decoder(one)
                return _First(one.shown, found.shape, found.dtype)
            except (Fault, OSError):
                continue
        size = self.decoder.settings.size or (1, 1)
        return _First("", (*size, self.decoder.channels), np.dtype(np.uint8))

    def _some(self, members: list[Member]) -> list[Array | Fault]:
        return [self._one(one) for one in members]

    def _one(self, member: Member) -> Array | Fault:
        try:
            found = self.decoder(member)
        except Fault as fault:
            return fault
        except OSError as error:
            return files.cannot_read(member.shown, error)
        first = self.first
        if found.shape != first.shape:
            return Fault(
                "MS646",
                f"`{member.shown}` has {found.shape[1]} x {found.shape[0]} pixels, but "
                f"`{first.shown}` has {first.shape[1]} x {first.shape[0]}",
                help="set `size`, to which every image is resized",
            )
        return found


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warning of large images: `max_pixels` makes these faults."""
    from PIL import Image

    with ignoring(Image.DecompressionBombWarning):
        yield
