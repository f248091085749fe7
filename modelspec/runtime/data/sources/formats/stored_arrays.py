"""Arrays that are stored in a file in their memory layout: read whole, or some examples at a time
if they are large.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.durations import seconds_of
from modelspec.runtime.data.table import Array, Table, check_lengths

from .files import IN_MEMORY

BLOCK_BYTES = 32 * 2**20
"""A block has fewer examples if they would take more bytes."""


@dataclass(frozen=True)
class StoredArray:
    """The description of an array in a file, and how to reach its numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    """The file, at the first number."""
    fortran: bool = False
    """Whether the first axis varies fastest, so that an example is not contiguous."""

    @property
    def example(self) -> int:
        """The bytes of an example."""
        return size_of(self.shape[1:], self.dtype)

    @property
    def size(self) -> int:
        return size_of(self.shape, self.dtype)


class StoredArrayTable(Table):
    """Columns that are `StoredArray`; a problem of one is reported only when that column is
    used.
    """

    @abstractmethod
    def stored(self, name: str) -> StoredArray:
        """The array of a column, whose size was compared with the file's. Raises `Fault`."""

    @abstractmethod
    def damaged(self, name: str, error: BaseException) -> Fault:
        """The fault for an error of `broken` while an array is read."""

    broken: tuple[type[BaseException], ...] = (OSError, EOFError, ValueError)
    """The exceptions while reading, depending on the damage."""

    @property
    def count(self) -> int | None:
        lengths = {one.shape[0] for one in self._all() if one.shape}
        return lengths.pop() if len(lengths) == 1 else None

    @property
    def size_hint(self) -> int:
        return sum(one.size for one in self._all())

    def _all(self) -> Iterator[StoredArray]:
        for name in self.names:
            try:
                yield self.stored(name)
            except Fault:
                continue  # reported when the column is used

    def read(self, name: str) -> Array:
        one = self.stored(name)
        try:
            with one.open() as file:
                found = _take(file, one.shape, one.dtype, fortran=one.fortran)
                file.read()  # to the end, where the archive's checksum is checked
        except Fault:
            raise
        except self.broken as error:
            raise self.damaged(name, error) from None
        return native(found)

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        found = {name: self.stored(name) for name in names}
        if (
            any(one.fortran for one in found.values())
            or sum(one.size for one in found.values()) <= IN_MEMORY
        ):
            yield from super().read_blocks(names, rows)
            return
        check_lengths({name: one.shape[0] for name, one in found.items()}, self)
        yield from self._stream(found, fitting(rows, [one.example for one in found.values()]))

    def _stream(self, found: dict[str, StoredArray], rows: int) -> Iterator[dict[str, Array]]:
        count = next(iter(found.values())).shape[0]
        with ExitStack() as stack:
            opened: dict[str, IO[bytes]] = {}
            for name, one in found.items():
                with self._damage_reported(name):
                    opened[name] = stack.enter_context(one.open())
            for start in range(0, count, rows):
                block: dict[str, Array] = {}
                for name, one in found.items():
                    with self._damage_reported(name):
                        shape = (min(rows, count - start), *one.shape[1:])
                        block[name] = native(_take(opened[name], shape, one.dtype, fortran=False))
                yield block
            for name, file in opened.items():
                with self._damage_reported(name):
                    file.read()  # to the end, where the archive's checksum is checked

    @contextmanager
    def _damage_reported(self, name: str) -> Iterator[None]:
        try:
            yield
        except Fault:
            raise
        except self.broken as error:
            raise self.damaged(name, error) from None

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def fitting(rows: int, examples: Sequence[int]) -> int:
    """The number of examples of so many bytes in a block."""
    return max(1, min([rows, *(BLOCK_BYTES // size for size in examples if size)]))


def size_of(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """Bytes of an array, as a Python integer: the claimed size may exceed 64 bits; -1 if it is
    invalid.
    """
    size = dtype.itemsize
    for axis in shape:
        size *= axis
    return -1 if min(shape, default=0) < 0 else size


def native(values: Array) -> Array:
    """In this machine's byte order, which TensorFlow requires; strings stored as bytes become
    `str`; durations become seconds.
    """
    if values.dtype.kind == "m":
        return seconds_of(values)
    if values.dtype.kind == "S":
        return np.array(np.char.decode(values, "utf-8"), dtype=object)
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _take(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], *, fortran: bool) -> Array:
    """The next numbers. Raises `EOFError` if there are fewer."""
    values = np.empty(shape, dtype, order="F" if fortran else "C")
    view = (
        (values.T if fortran else values).reshape(-1).view(np.uint8).data
        if values.size
        else memoryview(b"")
    )
    at = 0
    while at < len(view):
        piece = file.read(min(len(view) - at, BLOCK_BYTES))
        if not piece:
            raise EOFError(f"it ends {len(view) - at:,} bytes before the end of the array")
        view[at : at + len(piece)] = piece
        at += len(piece)
    return values


def axes(name: str, table: Table, shape: tuple[int, ...]) -> None:
    """Raises `Fault` (MS606) for a scalar, which has no axis of examples."""
    if not shape:
        raise Fault(
            "MS606",
            f"array `{name}` of `{table.name}` is a single value; expected one value per example",
        )
