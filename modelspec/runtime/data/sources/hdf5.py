"""`hdf5`: data sets of a file by their paths, which another process reads (`hdf5_process`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault, Span

from ..durations import check_unit
from ..table import Array, Table, check_lengths
from .formats import files, hdf5_process
from .formats.hdf5_sets import DataSet, data_sets
from .formats.stored_arrays import BLOCK_BYTES, fitting, native

_CHUNK_BYTES = 256 * 2**20
"""Larger chunks of a file are read in parts, and decompressed for each."""
_INCONSISTENT = "the numbers of rows and values in it do not fit"


class HdfTable(Table):
    """The data sets of a file, or some rows of them, as set by `rows`."""

    def __init__(
        self,
        found: files.Found,
        sets: dict[str, DataSet],
        rows: tuple[int, int | None] | None,
        fingerprint: str,
        span: Span | None,
    ) -> None:
        super().__init__(found.shown, tuple(sets), fingerprint, span)
        self._found = found
        self._sets = sets
        self._rows = rows

    @property
    def count(self) -> int | None:
        lengths = {
            len(self._range(one)) for one in self._sets.values() if one.fault is None and one.shape
        }
        return lengths.pop() if len(lengths) == 1 else None

    @property
    def size_hint(self) -> int:
        return sum(
            one.example * len(self._range(one)) for one in self._sets.values() if one.fault is None
        )

    def _range(self, one: DataSet) -> range:
        start, end = self._rows or (0, None)
        return range(*slice(start, end).indices(one.shape[0] if one.shape else 0))

    def read(self, name: str) -> Array:
        one = self._checked(name)
        rows = self._range(one)
        files.believe(
            one.example * len(rows), one.example * len(rows), f"`{name}` of `{self.name}`"
        )
        step = _rows_at_once(one)
        with self._opened():
            if len(rows) <= step:
                return self._piece(name, rows.start, rows.stop)
            found: Array | None = None
            for start in range(rows.start, rows.stop, step):
                end = min(start + step, rows.stop)
                piece = self._piece(name, start, end)
                if found is None:
                    found = np.empty((len(rows), *piece.shape[1:]), piece.dtype)
                found[start - rows.start : end - rows.start] = piece
        assert found is not None
        return found

    def _checked(self, name: str) -> DataSet:
        one = self._sets[name]
        if one.fault is not None:
            raise one.fault
        start, end = self._rows or (0, None)
        if max(start + 1, end or 0) > one.shape[0]:
            raise Fault(
                "MS652",
                f"`{name}` of {self.name} has {one.shape[0]:,} rows, but `rows` "
                f"{'ends at' if end else 'starts at'} {end or start:,}",
                ("rows",),
            )
        return one

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        found = {name: self._checked(name) for name in names}
        size = sum(one.example * len(self._range(one)) for one in found.values())
        if size <= files.IN_MEMORY:
            yield from super().read_blocks(names, rows)
            return
        check_lengths({name: len(self._range(one)) for name, one in found.items()}, self)
        taken = self._range(next(iter(found.values())))
        rows = fitting(rows, [one.example for one in found.values()])
        with self._opened():
            for start in range(taken.start, taken.stop, rows):
                end = min(start + rows, taken.stop)
                yield {name: self._piece(name, start, end) for name in names}

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """The file is closed afterwards: an open one cannot be written."""
        self._found.unchanged()
        try:
            yield
        finally:
            hdf5_process.close()

    def _piece(self, name: str, first: int, end: int) -> Array:
        try:
            _, parts = hdf5_process.ask("read", str(self._found.path.absolute()), name, first, end)
            return self._values(parts, name, end - first)
        except Fault:
            raise
        except (hdf5_process.Broken, ValueError) as error:  # also texts that are not UTF-8
            raise self._damaged(name, error) from None

    def _values(self, parts: list[Array], name: str, count: int) -> Array:
        """In the form of a `Table`. Raises `Fault` (MS606, MS653)."""
        if not parts:
            raise Fault("MS606", f"`{name}` of `{self.name}` contains references, not data")
        values = parts[0] if len(parts) == 1 else _joined(parts, f"`{name}` of `{self.name}`")
        if len(values) != count:
            raise hdf5_process.Broken(_INCONSISTENT)
        if values.dtype.kind == "m":
            check_unit(values.dtype, f"`{name}` of `{self.name}`")
        return native(values)

    def _damaged(self, name: str, error: BaseException) -> Fault:
        return Fault(
            "MS605",
            f"`{name}` of `{self.name}` is damaged: {files.said(error)}",
            help="write or copy the file again",
        )

    def place(self, name: str, index: tuple[int, ...]) -> str:
        first = index[0] + (self._rows or (0,))[0]
        return f"{name}[{', '.join(str(i) for i in (first, *index[1:]))}] of {self.name}"


def _rows_at_once(one: DataSet) -> int:
    """Rows of a message: whole chunks, which are decompressed once."""
    rows = fitting(max(1, one.shape[0]), [one.example])
    if one.chunk and one.chunk * one.example <= max(_CHUNK_BYTES, BLOCK_BYTES):
        return max(one.chunk, rows - rows % one.chunk)
    return rows


def _joined(parts: list[Array], what: str) -> Array:
    """An array of texts, or of arrays, from their shape, lengths and contents. Raises `Fault`
    (MS606).
    """
    shape, lengths, contents = parts
    ends = np.cumsum(lengths)
    if (lengths < 0).any() or (ends[-1] if ends.size else 0) != len(contents):
        raise hdf5_process.Broken(_INCONSISTENT)
    whole = contents.tobytes() if contents.dtype.kind == "S" else native(contents)
    found = np.empty(len(lengths), dtype=object)
    for at, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        found[at] = whole[end - length : end]
    if isinstance(whole, bytes):
        try:
            found[:] = [one.decode() for one in found]
        except UnicodeDecodeError:
            raise Fault("MS606", f"{what} contains text that is not UTF-8") from None
    return found.reshape(shape.tolist())


def open_file(source: Any, found: files.Found, span: Span | None) -> HdfTable:
    """The table of a file. Raises `Fault`: MS601, MS605, MS643."""
    fingerprint = files.fingerprint_of(found.path, found.shown)
    sets = data_sets(found)
    if not sets:
        raise Fault("MS605", f"`{found.shown}` is an HDF5 file without data sets")
    return HdfTable(found, sets, source.rows, fingerprint, span)
