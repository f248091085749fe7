"""`hdf5`: data sets of a file by their paths. Links out of the file are not followed, and claimed
sizes are checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault, Span

from ..durations import check_unit, seconds_of
from ..table import Array, Table, check_lengths
from .formats import files
from .formats.stored_arrays import fitting, size_of

_BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""The exceptions of h5py for a damaged file, depending on the damage."""
_MOST = 100_000
"""The most objects of a file that are visited."""


class HdfTable(Table):
    """The data sets of a file, or some rows of them, as set by `rows`."""

    def __init__(
        self,
        found: files.Found,
        sets: dict[str, _DataSet],
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

    def _range(self, one: _DataSet) -> range:
        start, end = self._rows or (0, None)
        return range(*slice(start, end).indices(one.shape[0] if one.shape else 0))

    def read(self, name: str) -> Array:
        one = self._checked(name)
        rows = self._range(one)
        files.believe(
            one.example * len(rows), one.example * len(rows), f"`{name}` of `{self.name}`"
        )
        try:
            with self._open() as file:
                return _values(file[name][rows.start : rows.stop], name, self)
        except Fault:
            raise
        except _BROKEN as error:
            raise self._damaged(name, error) from None

    def _checked(self, name: str) -> _DataSet:
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
        with self._open() as file:
            for start in range(taken.start, taken.stop, rows):
                yield {
                    name: self._piece(file, name, slice(start, min(start + rows, taken.stop)))
                    for name in names
                }

    def _open(self) -> Any:
        self._found.unchanged()
        return _open(self._found.path)

    def _piece(self, file: Any, name: str, rows: slice) -> Array:
        try:
            return _values(file[name][rows], name, self)
        except Fault:
            raise
        except _BROKEN as error:
            raise self._damaged(name, error) from None

    def _damaged(self, name: str, error: BaseException) -> Fault:
        return Fault(
            "MS605",
            f"`{name}` of `{self.name}` is damaged: {files.said(error)}",
            help="write or copy the file again",
        )

    def place(self, name: str, index: tuple[int, ...]) -> str:
        first = index[0] + (self._rows or (0,))[0]
        return f"{name}[{', '.join(str(i) for i in (first, *index[1:]))}] of {self.name}"


class _DataSet:
    """A data set, inspected without its numbers."""

    def __init__(self, name: str, node: Any, shown: str, held: int) -> None:
        self.shape: tuple[int, ...] = tuple(node.shape or ())
        self.fault: Fault | None = None
        self.example = 0
        try:
            self.example = size_of(self.shape[1:], node.dtype)
            self._check(node, f"`{name}` of `{shown}`", held)
        except Fault as fault:
            self.fault = fault

    def _check(self, node: Any, what: str, held: int) -> None:
        if node.is_virtual or node.external:
            raise Fault(
                "MS643",
                f"{what} has its numbers in other files, which are not read",
                help="copy them into one file, e.g. with `h5repack`",
            )
        if not self.shape:
            raise Fault("MS606", f"{what} is a single value; expected one value per example")
        if node.dtype.kind == "V":
            raise Fault(
                "MS606",
                f"{what} is a compound data set with the fields"
                f" {', '.join(node.dtype.names or ())}",
                help="save every field as a separate data set",
            )
        stored = node.id.get_storage_size()
        if node.chunks is None:
            if node.dtype.kind != "O":
                files.believe(
                    size_of(self.shape, node.dtype),
                    min(stored, held),
                    what,
                    f" (shape {self.shape})",
                )
            return
        files.believe(stored, held, what)
        chunks = prod(
            -(-size // chunk) for size, chunk in zip(self.shape, node.chunks, strict=True)
        )
        written = node.id.get_num_chunks()
        if written < chunks:  # HDF5 would return zeros for the others
            raise Fault(
                "MS606",
                f"{what} has the shape {self.shape}, but only {written:,} of its {chunks:,} chunks "
                "were written",
                help="write all chunks, or create it with a smaller shape",
            )


def _open(path: Path) -> Any:
    import h5py

    return h5py.File(path, "r")


def open_file(source: Any, found: files.Found, span: Span | None) -> HdfTable:
    """The table of a file. Raises `Fault`: MS601, MS605, MS643."""
    fingerprint = files.fingerprint_of(found.path, found.shown)
    sets: dict[str, _DataSet] = {}
    try:
        with _open(found.path) as file:
            for name, node in _walk(file, found.shown):
                sets[name] = _DataSet(name, node, found.shown, found.path.stat().st_size)
    except Fault:
        raise
    except _BROKEN as error:
        raise Fault(
            "MS605",
            f"`{found.shown}` is not a valid HDF5 file: {files.said(error)}",
            help="write or copy the file again",
        ) from None
    if not sets:
        raise Fault("MS605", f"`{found.shown}` is an HDF5 file without data sets")
    return HdfTable(found, sets, source.rows, fingerprint, span)


def _walk(file: Any, shown: str) -> Iterator[tuple[str, Any]]:
    """Every data set by its path. Links within the file are skipped; links to other files are
    refused.
    """
    import h5py

    waiting: list[tuple[str, Any]] = [("", file)]
    seen = 0
    while waiting:
        prefix, group = waiting.pop()
        for key in group:
            name = f"{prefix}{key}"
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise Fault(
                    "MS643",
                    f"`{name}` of `{shown}` is a link to another file, which is not allowed",
                    help="copy its target into the file",
                )
            seen += 1
            if seen > _MOST:
                raise Fault("MS605", f"`{shown}` has more than {_MOST:,} objects")
            if not isinstance(link, h5py.HardLink):
                continue
            node = group[key]
            if isinstance(node, h5py.Dataset):
                yield name, node
            elif isinstance(node, h5py.Group) and name.count("/") < 32:
                waiting.append((f"{name}/", node))


def _values(found: Any, name: str, table: Table) -> Array:
    """In the form of a `Table`. Raises `Fault` (MS606, MS653)."""
    values: Array = np.asarray(found)
    if values.dtype.kind == "m":
        check_unit(values.dtype, f"`{name}` of `{table.name}`")
        return seconds_of(values)
    if values.dtype.kind == "O":
        if values.size and isinstance(values.flat[0], bytes):
            try:
                texts = [one.decode() for one in values.flat]
            except UnicodeDecodeError:
                raise Fault(
                    "MS606", f"`{name}` of `{table.name}` contains text that is not UTF-8"
                ) from None
            return np.array(texts, dtype=object).reshape(values.shape)
        if values.size and not isinstance(values.flat[0], np.ndarray):
            raise Fault("MS606", f"`{name}` of `{table.name}` contains references, not data")
        return values
    if values.dtype.kind == "S":
        return np.array(np.char.decode(values, "utf-8"), dtype=object)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
