"""`npz`: named arrays in an archive. Nothing is unpickled, and no size is believed that the file
does not hold.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from modelspec.core.diagnostics import Fault, Span

from .files import Found, believe, cannot_read, fingerprint_of, said
from .stored import Stored, StoredTable, axes, size_of

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)
"""What a damaged archive raises, depending on where the damage is."""


class ArchiveTable(StoredTable):
    """Arrays of an `.npz` file, each read when it is asked for."""

    broken = BROKEN

    def __init__(
        self, found: Found, members: dict[str, str], fingerprint: str, span: Span | None
    ) -> None:
        super().__init__(found.shown, tuple(members), fingerprint, span)
        self._found = found
        self._members = members
        self._stored: dict[str, Stored] = {}

    def stored(self, name: str) -> Stored:
        if name not in self._stored:
            self._stored[name] = self._look(name)
        return self._stored[name]

    def _look(self, name: str) -> Stored:
        what = f"array `{name}` of `{self.name}`"
        try:
            with zipfile.ZipFile(self._found.path) as archive:
                info = archive.getinfo(self._members[name])
                with archive.open(info) as member:
                    shape, fortran, dtype = read_header(member, what)
        except Fault:
            raise
        except BROKEN as error:
            raise self.damaged(name, error) from None
        believe(size_of(shape, dtype), info.file_size, what, f" (shape {shape})")
        axes(name, self, shape)

        @contextmanager
        def opened() -> Iterator[IO[bytes]]:
            self._found.unchanged()
            with zipfile.ZipFile(self._found.path) as archive, archive.open(info) as member:
                read_header(member, what)
                yield member

        return Stored(shape, dtype, opened, fortran)

    def damaged(self, name: str, error: BaseException) -> Fault:
        return Fault(
            "MS605",
            f"array `{name}` of `{self.name}` is damaged: {said(error)}",
            help="write or copy the file again",
        )


def read_header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis runs fastest, and dtype. Raises `Fault` (MS606), and
    `ValueError` for a file that is no array.
    """
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise Fault(
            "MS606",
            f"{what} holds Python objects, which are never loaded",
            help="save it with a number dtype, e.g. `numpy.stack(...)` of arrays of one shape",
        )
    if dtype.names is not None:
        raise Fault(
            "MS606",
            f"{what} is a table of fields ({', '.join(dtype.names)})",
            help="save every field as an array of its own",
        )
    return shape, fortran, dtype


def open_file(source: Any, found: Found, span: Span | None) -> ArchiveTable:
    """The table of an `npz` source. Raises `Fault`."""
    path, shown = found.path, found.shown
    try:
        fingerprint = fingerprint_of(path, shown)
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist()]
    except Fault:
        raise
    except PermissionError as error:
        raise cannot_read(shown, error) from None
    except BROKEN as error:
        raise Fault(
            "MS605",
            f"`{shown}` is no .npz archive, or a damaged one: {said(error)}",
            help="`numpy.savez` writes one; write or copy the file again",
        ) from None
    names = {member.removesuffix(".npy"): member for member in members if member.endswith(".npy")}
    if not names:
        raise Fault("MS605", f"`{shown}` is an archive without arrays")
    return ArchiveTable(found, names, fingerprint, span)
