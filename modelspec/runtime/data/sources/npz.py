"""`npz`: named arrays in an archive. Nothing is unpickled, and sizes are compared with the
file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from modelspec.catalog.sources.npz import npz
from modelspec.core.diagnostics import Fault, Span

from .formats.files import Found, believe, cannot_read, fingerprint_of, said
from .formats.numpy_header import BROKEN, read_header
from .formats.stored_arrays import StoredArray, StoredArrayTable, axes, size_of


class NpzTable(StoredArrayTable):
    """Arrays of an `.npz` file, each read when it is used."""

    broken = BROKEN

    def __init__(self, found: Found, span: Span | None = None) -> None:
        """Raises `Fault`: MS601, MS605."""
        fingerprint = fingerprint_of(found.path, found.shown)
        self._members = _members(found)
        super().__init__(found.shown, tuple(self._members), fingerprint, span)
        self._found = found
        self._stored: dict[str, StoredArray] = {}

    def stored(self, name: str) -> StoredArray:
        if name not in self._stored:
            self._stored[name] = self._look(name)
        return self._stored[name]

    def _look(self, name: str) -> StoredArray:
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

        return StoredArray(shape, dtype, opened, fortran)

    def damaged(self, name: str, error: BaseException) -> Fault:
        return Fault(
            "MS605",
            f"array `{name}` of `{self.name}` is damaged: {said(error)}",
            help="write or copy the file again",
        )


def _members(found: Found) -> dict[str, str]:
    """The arrays of an archive: the name of each, and of its file. Raises `Fault`."""
    try:
        with zipfile.ZipFile(found.path) as archive:
            files = [info.filename for info in archive.infolist()]
    except PermissionError as error:
        raise cannot_read(found.shown, error) from None
    except BROKEN as error:
        raise Fault(
            "MS605",
            f"`{found.shown}` is not a valid .npz archive: {said(error)}",
            help="write it with `numpy.savez`, or copy the file again",
        ) from None
    names = {file.removesuffix(".npy"): file for file in files if file.endswith(".npy")}
    if not names:
        raise Fault("MS605", f"`{found.shown}` is an archive without arrays")
    return names


def open_file(source: npz, found: Found, span: Span | None) -> NpzTable:
    """The table of a file. Raises `Fault`: MS601, MS605."""
    return NpzTable(found, span)
