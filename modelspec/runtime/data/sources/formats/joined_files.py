"""Several files of one kind as one table: their examples concatenated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault, Span
from modelspec.runtime.data.cells import inexact
from modelspec.runtime.data.table import NOTHING, Array, Table, is_nothing

from . import files


class JoinedTable(Table):
    """Tables with the same columns. Numbers get a dtype that holds those of all files."""

    def __init__(self, name: str, parts: Sequence[Table], span: Span | None) -> None:
        first = parts[0]
        for part in parts[1:]:
            if set(part.names) != set(first.names):
                files.differ(first.name, first.names, part.name, part.names)
        super().__init__(
            name, first.names, files.fingerprint_of_all([part.fingerprint for part in parts]), span
        )
        self._parts = parts
        self._ends: dict[str, list[int]] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._mixed: set[str] = set()
        """Columns that are integers in one file, and floating-point numbers in another."""

    @property
    def count(self) -> int | None:
        counts = [part.count for part in self._parts]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def size_hint(self) -> int | None:
        sizes = [part.size_hint for part in self._parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def read(self, name: str) -> Array:
        columns = [part.column(name) for part in self._parts]
        self._ends[name] = np.cumsum([len(column) for column in columns]).tolist()
        dtype = self._dtype(name, columns)
        return np.concatenate(
            [
                _as(column, dtype, part, name)
                for part, column in zip(self._parts, columns, strict=True)
            ]
        )

    def _dtype(self, name: str, columns: Sequence[Array]) -> np.dtype[Any]:
        """The common dtype, after a check that the columns of all files match. Raises `Fault`
        (MS640).
        """
        filled = [
            (part, column)
            for part, column in zip(self._parts, columns, strict=True)
            if not _is_empty(column)
        ]
        if not filled:
            return columns[0].dtype
        first, reference = filled[0]
        for part, column in filled[1:]:
            if _what(column) != _what(reference):
                raise Fault(
                    "MS640",
                    f"`{name}` contains {_what(reference)} in `{first.name}`, but {_what(column)}"
                    " in "
                    f"`{part.name}`",
                    help="all files of a source must have the same columns",
                )
        dtype = _common([column for _, column in filled])
        lacking = sum(map(len, columns)) > sum(len(column) for _, column in filled)
        if lacking and dtype.kind in "biu":
            dtype = np.dtype(np.float64)
        if dtype.kind == "f" and any(column.dtype.kind in "iu" for _, column in filled):
            self._mixed.add(name)
        return dtype

    def read_blocks(self, names: Sequence[str], rows: int) -> Iterator[dict[str, Array]]:
        first: list[dict[str, Array]] = [
            next(iter(part.blocks(names, rows)), {}) for part in self._parts
        ]
        for name in names:
            columns = [one[name] for one in first if name in one]
            if len(columns) == len(self._parts):
                self._dtypes[name] = self._dtype(name, columns)
        for part in self._parts:
            start = 0
            for block in part.blocks(names, rows):
                yield {
                    name: _as(values, self._dtypes.get(name, values.dtype), part, name, start)
                    for name, values in block.items()
                }
                start += len(next(iter(block.values())))

    def tells_whole(self, name: str) -> bool:
        return name in self._mixed or any(part.tells_whole(name) for part in self._parts)

    def written_whole(self, name: str) -> Array:
        return np.concatenate([_written_whole(part, name) for part in self._parts])

    def place(self, name: str, index: tuple[int, ...]) -> str:
        if name not in self._ends:
            self._ends[name] = np.cumsum(
                [part.count or len(part.column(name)) for part in self._parts]
            ).tolist()
        start = 0
        for part, end in zip(self._parts, self._ends[name], strict=True):
            if index[0] < end:
                return part.place(name, (index[0] - start, *index[1:]))
            start = end
        raise IndexError(index)


def _written_whole(part: Table, name: str) -> Array:
    column = part.column(name)
    if column.dtype.kind == "f" and part.tells_whole(name):
        return part.written_whole(name)
    return np.full(column.shape, column.dtype.kind in "iu")


def _common(columns: Sequence[Array]) -> np.dtype[Any]:
    """The dtype for the values of all files; NumPy would use floating point for a mix of signed and
    unsigned integers.
    """
    dtype = np.result_type(*(column.dtype for column in columns))
    if dtype.kind != "f" or any(column.dtype.kind not in "biu" for column in columns):
        return dtype
    negative = any(column.size and column.min() < 0 for column in columns)
    return np.dtype(np.int64 if negative else np.uint64)


def _as(values: Array, dtype: np.dtype[Any], part: Table, name: str, start: int = 0) -> Array:
    """The values of a file, from an example on, in the dtype of all files. Raises `Fault`: MS640,
    MS653 for an integer that would change.
    """
    if values.dtype == dtype:
        return values
    if (
        dtype.kind == "f" and values.dtype.kind == "O"
    ):  # a column of text in which every cell is empty
        if not is_nothing(values).all():
            raise Fault(
                "MS640",
                "a column contains numbers in one file, but strings later in another",
                help="all files of a source must have the same columns",
            )
        return np.full(len(values), NOTHING, dtype)
    if values.dtype.kind in "iu" and (bad := _changed(values, dtype)) is not None:
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        place = part.place(name, (start + index[0], *index[1:]))
        raise Fault(
            "MS653",
            f"`{name}` is {values[index]} at {place}, which `{dtype}`, the dtype for all files,"
            " cannot represent",
            help="write all files with the same dtype",
        )
    return values.astype(dtype)


def _changed(values: Array, dtype: np.dtype[Any]) -> Array | None:
    """Which integers a dtype cannot represent; None if it holds all."""
    if dtype.kind == "f":
        return inexact(values, np.finfo(dtype).nmant + 1)
    if dtype.kind not in "iu":
        return None
    limits = np.iinfo(dtype)
    bad = (values < limits.min) | (values > limits.max)
    return bad if bad.any() else None


def _is_empty(values: Array) -> bool:
    """Whether a column has no values at all, so that it fits any kind."""
    return values.dtype.kind in "Of" and bool(is_nothing(values).all())


def _what(values: Array) -> str:
    if values.dtype.kind == "O":
        return "lists" if len(values) and not isinstance(values[0], str) else "strings"
    if values.ndim > 1:
        return f"arrays of shape {values.shape[1:]}"
    return "booleans" if values.dtype.kind == "b" else "numbers"
