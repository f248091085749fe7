"""`idx`: an array in a separate file, in the format of the original MNIST files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Any

import numpy as np

from modelspec.catalog.sources.idx import idx
from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from .formats.column_files import ColumnFilesTable, opened_at
from .formats.files import CHUNK, Found, believe, is_gzip, open_plain
from .formats.stored_arrays import StoredArray, size_of

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""By the third byte of a file. Source: the format description of the MNIST files."""


class IdxTable(ColumnFilesTable):
    """Columns that are IDX files."""

    ending = ".idx"

    def header(self, found: Found) -> StoredArray:
        path, what = found.path, f"`{found.shown}`"
        with open_plain(path) as file:
            shape, dtype = _header(file)
        start = 4 + 4 * len(shape)
        size = size_of(shape, dtype)
        held = _held(path, size + start) - start
        believe(size, held, what, f" (shape {shape})")
        if held > size:
            raise Fault(
                "MS605",
                f"{what} has data after the end of its array of shape {shape}",
                help="its header or the file is damaged: write or copy it again",
            )
        return StoredArray(shape, dtype, lambda: opened_at(found, start))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise ValueError(
            f"it begins with {magic.hex(' ') or 'nothing'}, not with 00 00, a dtype and a rank"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise EOFError("it ends inside its header")
    return struct.unpack(f">{magic[3]}I", sizes), np.dtype(_DTYPES[magic[2]])


def _held(path: Path, enough: int) -> int:
    """The bytes of a file, decompressed; reads only slightly past the required size."""
    if not is_gzip(path):
        return path.stat().st_size
    held = 0
    with open_plain(path) as file:
        while held <= enough and (chunk := file.read(CHUNK)):
            held += len(chunk)
    return held


def open_table(source: idx, context: Context, span: Span | None) -> IdxTable:
    """The table of an `idx` source. Raises `Fault`."""
    return IdxTable.of(source, context, span)
