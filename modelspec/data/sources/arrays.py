"""`npz`: named arrays in an archive. Nothing is unpickled, and no size is believed that the file does not hold."""

from __future__ import annotations

import os
import zipfile
import zlib
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from ...diagnostics import Fault, Span
from ..table import Array, Table

_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, OverflowError,
)  # fmt: skip
"""What a damaged archive raises, depending on where the damage is."""


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ArchiveTable(Table):
    """Arrays of an `.npz` file, each read when it is asked for."""

    def __init__(self, shown: str, path: Path, members: dict[str, str], fingerprint: str, span: Span | None) -> None:
        super().__init__(shown, tuple(members), fingerprint, span)
        self._path = path
        self._members = members

    def read(self, name: str) -> Array:
        try:
            with zipfile.ZipFile(self._path) as archive:
                info = archive.getinfo(self._members[name])
                header = self._header(archive, info, name)
                self._believe(header, info, name)
                with archive.open(info) as member:
                    found: Array = npy.read_array(member, allow_pickle=False)
                    member.read()  # to the end, where the archive's checksum is compared
        except Fault:
            raise
        except _BROKEN as error:
            raise Fault("MS605", f"array `{name}` of `{self.name}` is damaged: {_said(error)}",
                        help="write or copy the file again") from None
        if found.ndim == 0:
            raise Fault("MS606", f"array `{name}` of `{self.name}` is a single value, not one for every example")
        return _own_order(found)

    def _header(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> _Header:
        with archive.open(info) as member:
            version = npy.read_magic(member)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(member)
        if dtype.hasobject:
            raise Fault("MS606", f"array `{name}` of `{self.name}` holds Python objects, which are never loaded",
                        help="save it with a number dtype, e.g. `numpy.stack(...)` of arrays of one shape")
        if dtype.names is not None:
            raise Fault("MS606", f"array `{name}` of `{self.name}` is a table of fields ({', '.join(dtype.names)})",
                        help="save every field as an array of its own")
        return _Header(shape, dtype)

    def _believe(self, header: _Header, info: zipfile.ZipInfo, name: str) -> None:
        """The claimed size must be in the file, and in memory."""
        claimed = header.dtype.itemsize
        for size in header.shape:
            claimed *= size  # Python's own integers: a claim may be larger than 64 bits
        if claimed > info.file_size or min(header.shape, default=0) < 0:
            raise Fault("MS606", f"array `{name}` of `{self.name}` claims {_bytes(claimed)} "
                                 f"(shape {header.shape}), but the file holds {_bytes(info.file_size)} of it")
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if claimed > memory:
            raise Fault("MS606", f"array `{name}` of `{self.name}` takes {_bytes(claimed)}, "
                                 f"more than this machine's memory ({_bytes(memory)})")

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def open_table(source: Any, path: Path | None, span: Span | None) -> ArchiveTable:
    """The table of an `npz` source. Raises `Fault`."""
    assert path is not None
    try:
        with path.open("rb") as file:
            fingerprint = file_digest(file, "sha256").hexdigest()
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist()]
    except PermissionError as error:
        raise Fault("MS601", f"`{source.path}` cannot be read: {error.strerror}") from None
    except _BROKEN as error:
        raise Fault("MS605", f"`{source.path}` is no .npz archive, or a damaged one: {_said(error)}",
                    help="`numpy.savez` writes one; write or copy the file again") from None
    names = {member.removesuffix(".npy"): member for member in members if member.endswith(".npy")}
    if not names:
        raise Fault("MS605", f"`{source.path}` is an archive without arrays")
    return ArchiveTable(source.path, path, names, fingerprint, span)


def _own_order(values: Array) -> Array:
    """In this machine's byte order, which is what TensorFlow takes."""
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__


def _bytes(count: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000  # type: ignore[assignment]
    raise AssertionError
