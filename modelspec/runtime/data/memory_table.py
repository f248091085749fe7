"""A table of arrays in memory, and columns of Python values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from modelspec.core.diagnostics import Fault

from .durations import check_unit, seconds_in, seconds_of
from .python_values import Shape, Values
from .table import Array, Table

X, Y, WEIGHT = "x", "y", "sample_weight"
"""The columns of `(x, y)` and `(x, y, sample_weight)`, as in Keras's `fit`."""


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
        """The floating-point columns whose values are all integers, except missing ones."""

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


class Column(NamedTuple):
    """A column of a table in memory."""

    values: Array
    whole: bool = False
    """Whether its floating-point values are all integers, except missing ones."""


def column_of_list(values: Sequence[Any], column: str, table: str) -> Column:
    """A column of Python values. Raises `Fault` (MS651, MS653)."""
    shape = Shape()
    plain = [plain_value(value) for value in values]
    if any(isinstance(value, str) for value in plain):  # pandas has NaN for a missing string
        plain = [None if type(value) is float and isnan(value) else value for value in plain]
    for place, value in enumerate(plain):
        if (wrong := shape.add(value, place)) is not None:
            raise Fault(
                "MS651",
                f"`{column}` {wrong} at {column}[{place}] of {table}",
                help=_help(value),
            )
    found = Values(shape, column, table, lambda place: f"{column}[{place}]").array(plain)
    return Column(found, shape.kind == "a number" and shape.nulls and not shape.floats)


def _help(value: Any) -> str | None:
    """How to fix an unsupported value."""
    if isinstance(value, bytes):
        return 'decode it first, e.g. `value.decode("latin-1")`'
    if isinstance(value, (date, np.datetime64)):
        return "pass dates as strings, e.g. `str(date)`, or a data frame, which may have dates"
    return None


def plain_value(value: Any) -> Any:
    """A plain value, as in JSON: NumPy scalars as Python values, a duration as seconds, missing
    values of pandas as None. A date is returned unchanged, because it is unsupported.
    """
    if isinstance(value, (np.timedelta64, timedelta)):
        seconds = seconds_in(value)
        return None if seconds != seconds else seconds
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "m":
            check_unit(value.dtype, "the data")
            return seconds_of(value).tolist()
        return value if value.dtype.kind == "M" else plain_value(value.tolist())
    if isinstance(value, np.generic):
        return value if isinstance(value, np.datetime64) else value.item()
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if whole and int(value.as_tuple().exponent) >= 0 else float(value)
    if isinstance(value, (list, tuple)):
        return _plain_items(value)
    if hasattr(value, "__array__") and not isinstance(value, type):
        return _of_array(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _plain_items(values: Sequence[Any]) -> list[Any]:
    """A list with plain values in place of bytes and arrays."""
    odd = any(not isinstance(one, (str, int, float)) for one in values)
    return [plain_value(one) for one in values] if odd else list(values)


def _of_array(value: Any) -> Any:
    """An array of another library as lists; unchanged where it cannot be converted."""
    try:
        found = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
    except Exception:  # noqa: BLE001  # third-party code may raise anything
        return value
    return plain_value(found) if isinstance(found, (np.ndarray, np.generic)) else value


def _text(value: bytes) -> Any:
    """Bytes as a string; unchanged where they are not UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


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
