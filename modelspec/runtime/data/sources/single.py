"""`npy` and `idx`: an array in a file of its own; the header's claims are compared with the file
before they count.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from modelspec.core.diagnostics import Fault, Span
from modelspec.core.settings import Context

from . import files
from .arrays import BROKEN, read_header
from .stored import Stored, StoredTable, axes, size_of

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The third byte of an idx file. Source: the description of the format beside the MNIST files."""


class SingleTable(StoredTable):
    """Columns that have a file each."""

    broken = BROKEN

    def __init__(
        self,
        kind: str,
        name: str,
        columns: dict[str, files.Found],
        prints: list[str],
        span: Span | None,
    ) -> None:
        fingerprint = (
            prints[0]
            if len(prints) == 1
            else files.fingerprint_of_all(
                [part for pair in zip(columns, prints, strict=True) for part in pair]
            )
        )
        super().__init__(name, tuple(columns), fingerprint, span)
        self._look = {"npy": self._npy, "idx": self._idx}[kind]
        self._kind = kind
        self._columns = columns
        self._stored: dict[str, Stored] = {}

    def stored(self, name: str) -> Stored:
        if name not in self._stored:
            one = self._columns[name]
            try:
                self._stored[name] = self._look(one)
            except Fault:
                raise
            except BROKEN as error:
                raise self.damaged(name, error) from None
            axes(name, self, self._stored[name].shape)
        return self._stored[name]

    def damaged(self, name: str, error: BaseException) -> Fault:
        return Fault(
            "MS605",
            f"`{self._columns[name].shown}` is no .{self._kind} file, or a damaged one: "
            f"{files.said(error)}",
            help="write or copy the file again",
        )

    def _npy(self, found: files.Found) -> Stored:
        path, what = found.path, f"`{found.shown}`"
        with path.open("rb") as file:
            shape, fortran, dtype = read_header(file, what)
            start = file.tell()
        files.believe(size_of(shape, dtype), path.stat().st_size - start, what, f" (shape {shape})")
        return Stored(shape, dtype, lambda: _at(found, start), fortran)

    def _idx(self, found: files.Found) -> Stored:
        path, what = found.path, f"`{found.shown}`"
        with files.open_plain(path) as file:
            shape, dtype = _idx_header(file)
        start = 4 + 4 * len(shape)
        size = size_of(shape, dtype)
        held = _held(path, size + start) - start
        files.believe(size, held, what, f" (shape {shape})")
        if held > size:
            raise Fault(
                "MS605",
                f"{what} has more behind the end of its array of shape {shape}",
                help="its header is wrong, or the file is: write or copy it again",
            )
        return Stored(shape, dtype, lambda: _at(found, start))


def _idx_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_DTYPES:
        raise ValueError(
            f"it begins with {magic.hex(' ') or 'nothing'}, not with 00 00, a dtype and a rank"
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise EOFError("it ends within its header")
    return struct.unpack(f">{magic[3]}I", sizes), np.dtype(IDX_DTYPES[magic[2]])


def _held(path: Path, enough: int) -> int:
    """The bytes of a file, decompressed; no further than a little past what is enough."""
    if not files.is_gzip(path):
        return path.stat().st_size
    held = 0
    with files.open_plain(path) as file:
        while held <= enough and (chunk := file.read(files.CHUNK)):
            held += len(chunk)
    return held


@contextmanager
def _at(found: files.Found, start: int) -> Iterator[IO[bytes]]:
    found.unchanged()
    with files.open_plain(found.path) as file:
        file.read(start)
        yield file


def open_table(source: Any, context: Context, span: Span | None) -> SingleTable:
    """The table of an `npy` or `idx` source. Raises `Fault`."""
    paths = {_stem(source.files): source.files} if isinstance(source.files, str) else source.files
    columns = {
        name: files.Found.at(path, files.locate(path, context)) for name, path in paths.items()
    }
    prints = [files.fingerprint_of(one.path, one.shown) for one in columns.values()]
    table = SingleTable(source.kind(), files.name_of(tuple(paths.values())), columns, prints, span)
    for name in table.names:
        table.stored(name)
    return table


def _stem(path: str) -> str:
    """`images` of `data/images.npy`, `train-images` of `train-images-idx3-ubyte.gz`."""
    return Path(path).name.removesuffix(".gz").split(".")[0].split("-idx")[0]
