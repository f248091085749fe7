"""Files of weights by their ending: HDF5, HDF5 inside a `.keras` archive, safetensors. Nothing is
written to disk.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .entry import Array, Entry, broken, from_bfloat16, refused
from .hdf5_process import Tree, opened_apart

if TYPE_CHECKING:
    from . import hdf5_reader as hdf5

MAX_PARTS = 1000
"""Members of a `.keras` archive: its configuration, its weights, and a few vocabularies."""
_WEIGHTS, _OTHER_WEIGHTS = "model.weights.h5", "model.weights.npz"
_MAX_HEADER = 100_000_000
"""Bytes of a safetensors header, as in the format's own implementation."""
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


@contextmanager
def opened(path: Path, shown: str) -> Iterator[Tree | dict[str, Entry]]:
    """A file of weights: the tree of an HDF5 file, or the arrays of a safetensors file by name.

    Raises `RunError`: MS750 where it cannot be read, MS751 where it asks for what no file of
    weights needs.
    """
    try:
        with path.open("rb") as file:
            if not path.is_file():
                raise broken(shown, "it is not an ordinary file")
            if path.name.lower().endswith(".safetensors"):
                yield _safetensors(file, shown)
            else:
                with opened_apart(path, shown) as tree:
                    yield tree
    except OSError as error:
        raise broken(shown, error.strerror or str(error)) from None


@contextmanager
def opened_here(path: Path, shown: str) -> Iterator[hdf5.Tree]:
    """An HDF5 file, or the one in a `.keras` archive, parsed in this process: see
    `opened_apart`.
    """
    from . import (
        hdf5_reader as hdf5,
    )  # only here: a process that asks another one has no use for the library

    try:
        with path.open("rb") as file:
            if path.name.lower().endswith(".keras"):
                with _in_archive(file, shown) as inside, hdf5.open_tree(inside, shown) as tree:
                    yield tree
            else:
                with hdf5.open_tree(path, shown) as tree:
                    yield tree
    except OSError as error:
        raise broken(shown, error.strerror or str(error)) from None


# .keras -------------------------------------------------------------------------------------------


@contextmanager
def _in_archive(file: IO[bytes], shown: str) -> Iterator[IO[bytes]]:
    """The weights in a `.keras` archive, read where they stand: Keras stores them uncompressed."""
    try:
        with zipfile.ZipFile(file) as archive:
            info = _member(archive, shown)
            start = _start(file, info)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise broken(shown, f"it is no `.keras` archive, or a damaged one ({error})") from None
    window = _Window(file, start, info.file_size)
    if _checksum(window) != info.CRC:
        raise broken(shown, f"`{_WEIGHTS}` in it is damaged: its checksum is another")
    yield io.BufferedReader(window)


def _member(archive: zipfile.ZipFile, shown: str) -> zipfile.ZipInfo:
    infos = archive.infolist()
    if len(infos) > MAX_PARTS:
        raise refused(shown, f"it has {len(infos):,} parts, and {MAX_PARTS:,} are the most")
    found = [info for info in infos if info.filename == _WEIGHTS]
    if not found and any(info.filename == _OTHER_WEIGHTS for info in infos):
        raise broken(shown, f"its weights are in `{_OTHER_WEIGHTS}`, which is not read")
    if len(found) != 1:
        raise broken(
            shown, f"it has {len(found)} parts named `{_WEIGHTS}`, and a `.keras` file has one"
        )
    info = found[0]
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise refused(shown, f"`{_WEIGHTS}` in it is compressed, which Keras never does")
    if info.flag_bits & 1:
        raise refused(shown, f"`{_WEIGHTS}` in it is encrypted")
    return info


def _start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where a stored member's bytes begin: behind its local header, whose name and extra field have
    lengths of its own.

    Source: APPNOTE.TXT of the ZIP format, 4.3.7.
    """
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("a part has no header")
    start = (
        info.header_offset
        + 30
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )
    if start + info.file_size > os.fstat(file.fileno()).st_size:
        raise zipfile.BadZipFile("a part is longer than the file")
    return start


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(
            0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        )
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(count)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _checksum(window: _Window) -> int:
    found = 0
    while block := window.read(1 << 20):
        found = zlib.crc32(block, found)
    window.seek(0)
    return found


# safetensors --------------------------------------------------------------------------------------


def _safetensors(file: IO[bytes], shown: str) -> dict[str, Entry]:
    """The arrays of a safetensors file: a header of JSON, then raw numbers.

    Source: the format's description in its repository (8 bytes of length, header, byte buffer).
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _MAX_HEADER):
        raise broken(
            shown, "its header is longer than the file: it is no safetensors file, or a damaged one"
        )
    try:
        header = json.loads(file.read(length))
        items = [(name, item) for name, item in header.items() if name != "__metadata__"]
        return {name: _tensor(file, name, item, 8 + length, size, shown) for name, item in items}
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise broken(shown, f"its header is damaged ({type(error).__name__})") from None


def _tensor(file: IO[bytes], name: str, item: Any, start: int, size: int, shown: str) -> Entry:
    dtype, shape, (begin, end) = (
        np.dtype(_DTYPES[item["dtype"]]),
        tuple(item["shape"]),
        item["data_offsets"],
    )
    if not all(type(one) is int and one >= 0 for one in (*shape, begin, end)):
        raise ValueError(name)
    count = math.prod(shape)
    if end - begin != count * dtype.itemsize or start + end > size:
        claimed = count * dtype.itemsize
        raise refused(
            shown, f"`{name}` claims {claimed:,} bytes, and {max(0, end - begin):,} are stored"
        )

    def read() -> Array:
        file.seek(start + begin)
        values = np.frombuffer(file.read(end - begin), dtype).reshape(shape)
        return from_bfloat16(values) if item["dtype"] == "BF16" else values

    return Entry(name, shape, read)
