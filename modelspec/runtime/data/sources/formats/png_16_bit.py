"""PNG files of 16 bits per channel, with all of their levels: Pillow keeps only the upper 8 bits,
except for grey images.

A row of a PNG is stored as differences between bytes that are one pixel apart, so the bytes of a
pixel form as many independent 8-bit images. Pillow decodes these; this module separates and
recombines them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modelspec.runtime.data.table import Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""The color types with possible 16 bits: grey, RGB, grey with alpha, RGBA."""
_TYPE_OF = {1: 0, 2: 4, 3: 2, 4: 6}
"""The 8-bit color type with so many channels."""
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""The first pixel and the steps of each pass of an interlaced image: row, column, row, column."""


class _Header(NamedTuple):
    width: int
    height: int
    channels: int
    passes: tuple[tuple[int, int, int, int], ...]


def has_16_bits(path: Path) -> bool:
    """Whether a file is a PNG of 16 bits per channel. Raises `OSError`."""
    with path.open("rb") as file:
        start = file.read(26)
    return start[:8] == _SIGNATURE and start[12:16] == b"IHDR" and start[24:25] == b"\x10"


def read_png(path: Path, size: tuple[int, int]) -> Array:
    """The image as uint16, [height, width, channels], with the 1 to 4 channels of the file, plus an
    alpha channel if the file names a transparent color.

    `size` is the width and height in the file's header, which were checked before. Raises
    `ValueError`, `KeyError` or `OSError` for a damaged file.
    """
    header, packed, clear = _parts(path)
    if (header.width, header.height) != size:
        raise ValueError("its header has conflicting sizes")
    sizes = [_size(header, one) for one in header.passes]
    step = 2 * header.channels
    needed = sum(rows * (1 + step * columns) for rows, columns in sizes if rows and columns)
    try:
        raw = zlib.decompressobj().decompress(packed, needed)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(raw) < needed:
        raise ValueError("image file is truncated")
    found = np.empty((header.height, header.width, header.channels), np.uint16)
    at = 0
    for (rows, columns), (top, left, down, across) in zip(sizes, header.passes, strict=True):
        if not rows or not columns:
            continue
        end = at + rows * (1 + step * columns)
        lines = np.frombuffer(raw[at:end], np.uint8).reshape(rows, 1 + step * columns)
        found[top::down, left::across] = _unfiltered(lines, columns, step).view(">u2")
        at = end
    return found if clear is None else _with_alpha(found, clear)


def _with_alpha(values: Array, clear: Array) -> Array:
    """The image with an alpha channel, 0 for pixels of the color `clear`."""
    alpha = np.where((values == clear).all(-1, keepdims=True), 0, 65535).astype(np.uint16)
    return np.concatenate([values, alpha], -1)


def _size(header: _Header, one: tuple[int, int, int, int]) -> tuple[int, int]:
    """The rows and columns of a pass."""
    top, left, down, across = one
    return len(range(top, header.height, down)), len(range(left, header.width, across))


def _parts(path: Path) -> tuple[_Header, bytes, Array | None]:
    """The header, the compressed rows, and the transparent color."""
    header: _Header | None = None
    packed: list[bytes] = []
    clear: Array | None = None
    for name, body in _chunks(path.read_bytes()):
        if name == b"IHDR" and header is None:
            width, height, _, color, *_, interlaced = struct.unpack(">IIBBBBB", body)
            passes = _ADAM7 if interlaced else _WHOLE
            header = _Header(width, height, _CHANNELS[color], passes)
        elif name == b"IDAT":
            packed.append(body)
        elif name == b"tRNS" and header is not None and header.channels in (1, 3):
            clear = np.frombuffer(body, ">u2", header.channels)
    if header is None:
        raise ValueError("it has no header")
    return header, b"".join(packed), clear


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The names and contents of the chunks of a file, with checked checksums."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if len(body) < size:
            break
        if struct.unpack_from(">I", data, at + 8 + size)[0] != zlib.crc32(name + body):
            raise ValueError(f"the checksum of {name!r} is wrong")
        if name == b"IEND":
            return
        yield name, body
        at += 12 + size
    raise ValueError("image file is truncated")


def _unfiltered(lines: Array, columns: int, step: int) -> Array:
    """The bytes of the pixels, [rows, columns, step], from lines that start with a filter byte."""
    rows = len(lines)
    stored = lines[:, 1:].reshape(rows, columns, step)
    many = 3 if step == 6 else min(step, 4)
    found = np.empty((rows, columns, step), np.uint8)
    for first in range(0, step, many):
        plane = stored[:, :, first : first + many].reshape(rows, columns * many)
        found[:, :, first : first + many] = _decoded(
            np.concatenate([lines[:, :1], plane], 1), columns, many
        )
    return found


def _decoded(lines: Array, columns: int, channels: int) -> Array:
    """Lines of an 8-bit image, decoded by Pillow."""
    from PIL import Image

    header = struct.pack(">IIBBBBB", columns, len(lines), 8, _TYPE_OF[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 0)), (b"IEND", b""))
    file = _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    with Image.open(BytesIO(file), formats=("PNG",)) as image:
        return np.asarray(image).reshape(len(lines), columns, channels)
