"""A table of arrays in memory, and arrays of what a program has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .durations import check_unit, seconds_in, seconds_of
from .python_values import Shape, Values
from .table import Array, Table

X, Y, WEIGHT = "x", "y", "sample_weight"
"""The columns of `(x, y)` and `(x, y, sample_weight)`, as Keras's `fit` has them."""


class MemoryTable(Table):
    """Arrays by name."""

    def __init__(
        self,
        name: str,
        columns: Mapping[str, Array],
        rows: Sequence[Any] | None = None,
        whole: Collection[str] = (),
    ) -> None:
        super().__init__(name, tuple(columns), _fingerprint(columns), None)
        self._columns = columns
        self._rows = rows
        self._whole = whole
        """The columns of floating-point numbers that are all whole ones, but for missing ones."""

    @property
    def count(self) -> int | None:
        lengths = {len(values) for values in self._columns.values()}
        return lengths.pop() if len(lengths) == 1 else None

    @property
    def size_hint(self) -> int:
        return sum(values.nbytes for values in self._columns.values())

    @property
    def default_features(self) -> tuple[str, ...] | None:
        return (X,) if X in self else None

    @property
    def default_target(self) -> str | None:
        return Y if Y in self else None

    def read(self, name: str) -> Array:
        return self._columns[name]

    def tells_whole(self, name: str) -> bool:
        return name in self._whole

    def written_whole(self, name: str) -> Array:
        return np.ones(self._columns[name].shape, bool)

    def place(self, name: str, index: tuple[int, ...]) -> str:
        if self._rows is not None:
            return f"row {self._rows[index[0]]!r} of {self.name}"
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def array_of(values: Any, column: str, table: str) -> Array:
    """A column as a `Table` has it. Raises `Fault` (MS651)."""
    if not isinstance(values, np.ndarray):
        if hasattr(values, "numpy"):
            values = values.numpy()
        elif hasattr(values, "__array__"):
            values = np.asarray(values)
    if not isinstance(values, np.ndarray):
        values = array_of_list(values, column, table)
    if values.ndim == 0:
        raise Fault("MS651", f"`{column}` of {table} is a single value, not one for every example")
    if values.dtype.kind == "S":
        return np.array(np.char.decode(values, "utf-8"), dtype=object)
    if values.dtype.kind == "O":
        return array_of_list(values.tolist(), column, table) if values.ndim == 1 else values
    if values.dtype.kind == "m":
        check_unit(values.dtype, f"`{column}` of {table}")
        return seconds_of(values)
    found: Array = (
        values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    )
    return found


def array_of_list(values: Any, column: str, table: str) -> Array:
    """A column of Python's own values. Raises `Fault` (MS651, MS653)."""
    if not isinstance(values, (list, tuple)):
        raise Fault(
            "MS651",
            f"`{column}` of {table} is a `{type(values).__name__}`, not an array",
            help="give NumPy arrays, or lists of numbers, text or lists",
        )
    shape = Shape()
    plain = [plain_value(value) for value in values]
    for place, value in enumerate(plain):
        if (wrong := shape.add(value, place)) is not None:
            raise Fault("MS651", f"`{column}` {wrong} at {column}[{place}] of {table}")
    return Values(shape, column, table, lambda place: f"{column}[{place}]").array(plain)


def plain_value(value: Any) -> Any:
    """A value as JSON would have it: NumPy's as Python's, a duration as seconds, what pandas has
    for nothing as None. A date is left as it is, as no array is made of it.
    """
    if isinstance(value, (np.timedelta64, timedelta)):
        seconds = seconds_in(value)
        return None if seconds != seconds else seconds
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "m":
            check_unit(value.dtype, "the data")
            return seconds_of(value).tolist()
        return value if value.dtype.kind == "M" else value.tolist()
    if isinstance(value, np.generic):
        return value if isinstance(value, np.datetime64) else value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple):
        return list(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _fingerprint(columns: Mapping[str, Array]) -> str:
    digest = sha256()
    for name, values in columns.items():
        about = f"{name}\0{values.dtype}\0{values.shape}\0"
        digest.update(about.encode("utf-8", "surrogatepass"))
        if values.dtype.kind == "O":
            for value in values.ravel():
                digest.update(
                    value.tobytes()
                    if isinstance(value, np.ndarray)
                    else str(value).encode("utf-8", "surrogatepass")
                )
                digest.update(b"\0")
        else:
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
