"""An HDF5 file, or the one in a `.keras` archive, parsed in this process. Nothing is written to
disk.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .entry import broken, refused

if TYPE_CHECKING:
    from . import reader as hdf5

MAX_PARTS = 1000
"""Members of a `.keras` archive: its configuration, its weights, and a few vocabularies."""
_WEIGHTS, _OTHER_WEIGHTS = "model.weights.h5", "model.weights.npz"


@contextmanager
def opened_here(path: Path, shown: str) -> Iterator[hdf5.Tree]:
    """An HDF5 file, or the one in a `.keras` archive, parsed in this process: see
    `opened_apart`.
    """
    from . import reader as hdf5

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


@contextmanager
def _in_archive(file: IO[bytes], shown: str) -> Iterator[IO[bytes]]:
    """The weights in a `.keras` archive, read in place: Keras stores them uncompressed."""
    try:
        with zipfile.ZipFile(file) as archive:
            info = _member(archive, shown)
            start = _start(file, info)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise broken(shown, f"it is not a `.keras` archive, or it is damaged ({error})") from None
    window = _Window(file, start, info.file_size)
    if _checksum(window) != info.CRC:
        raise broken(shown, f"`{_WEIGHTS}` in it is damaged: its checksum does not match")
    yield io.BufferedReader(window)


def _member(archive: zipfile.ZipFile, shown: str) -> zipfile.ZipInfo:
    infos = archive.infolist()
    if len(infos) > MAX_PARTS:
        raise refused(shown, f"it has {len(infos):,} members; the limit is {MAX_PARTS:,}")
    names = [info.filename for info in infos]
    count = names.count(_WEIGHTS)
    if not count and _OTHER_WEIGHTS in names:
        raise broken(shown, f"its weights are in `{_OTHER_WEIGHTS}`, which is unsupported")
    if count != 1:
        raise broken(shown, f"it has {count} members named `{_WEIGHTS}`; expected one")
    info = infos[names.index(_WEIGHTS)]
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise refused(shown, f"`{_WEIGHTS}` in it is compressed; Keras stores it uncompressed")
    if info.flag_bits & 1:
        raise refused(shown, f"`{_WEIGHTS}` in it is encrypted")
    return info


def _start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """The offset of a stored member's data: after its local header, which has its own lengths of
    name and extra field.

    Source: APPNOTE.TXT of the ZIP format, 4.3.7.
    """
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("a member has no header")
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    start = info.header_offset + len(header) + name + extra
    if start + info.file_size > os.fstat(file.fileno()).st_size:
        raise zipfile.BadZipFile("a member is longer than the file")
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
        origins = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = max(0, origins[whence] + offset)
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
