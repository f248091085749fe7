"""Data that a program has in memory: arrays, data frames, `tf.data.Dataset`,
`keras.utils.PyDataset`, generators.

What gives its examples one batch after the other is read once, to its end, and kept: its order in
an epoch is then decided as for any other source. What does not end is a fault, as is more than
`LIMIT` bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .errors import DataError
from .python_values import Shape, Values
from .sources.formats.files import in_bytes
from .table import NOTHING, Array, Table, fail

LIMIT = 8 * 2**30
"""Bytes that are read of something that gives batches."""
X, Y, WEIGHT = "x", "y", "sample_weight"
"""The columns of `(x, y)` and `(x, y, sample_weight)`, as Keras's `fit` has them."""


class MemoryTable(Table):
    """Arrays by name."""

    def __init__(
        self, name: str, columns: Mapping[str, Array], rows: Sequence[Any] | None = None
    ) -> None:
        super().__init__(name, tuple(columns), _fingerprint(columns), None)
        self._columns = columns
        self._rows = rows

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

    def place(self, name: str, index: tuple[int, ...]) -> str:
        if self._rows is not None:
            return f"row {self._rows[index[0]]!r} of {self.name}"
        return f"{name}[{', '.join(str(i) for i in index)}] of {self.name}"


def table_from(data: Any, name: str = "data") -> Table:
    """A table of what a program has.

    A table as it is; a mapping of names to arrays; a pandas `DataFrame` (or anything with
    `to_pandas`); a tuple `(x, y)` or `(x, y, sample_weight)` of arrays or mappings of arrays; a
    `tf.data.Dataset` or a `keras.utils.PyDataset` of batches; or an iterable, or a function that
    makes one, of batches: mappings or tuples. One array alone is the column `x`. Of a tuple of
    mappings the columns have the names of these.

    Raises `DataError`: MS651 where it is none of these, MS611 where arrays differ in length.
    """
    try:
        if isinstance(data, Table):
            return data
        if hasattr(data, "to_pandas") and not hasattr(data, "iloc"):
            data = data.to_pandas()
        if hasattr(data, "iloc") and hasattr(data, "columns"):
            return _from_frame(data, name)
        if isinstance(data, (Mapping, np.ndarray)) or (
            isinstance(data, tuple) and _is_structure(data)
        ):
            return MemoryTable(name, _checked(_columns(data), name))
        return _from_batches(_batches(data), name)
    except Fault as fault:
        raise fail(fault, None) from None


def _is_structure(data: tuple[Any, ...]) -> bool:
    return 1 <= len(data) <= 3 and all(
        one is None or isinstance(one, Mapping) or hasattr(one, "__len__") for one in data
    )


def _columns(data: Any) -> dict[str, Any]:
    """Columns by name of an array, a mapping, or a tuple of these."""
    if isinstance(data, Mapping):
        return dict(data)
    parts = data if isinstance(data, tuple) else (data,)
    found: dict[str, Any] = {}
    for title, part in zip((X, Y, WEIGHT), parts, strict=False):
        named = part if isinstance(part, Mapping) else {title: part} if part is not None else {}
        for name, values in named.items():
            if name in found:
                raise Fault(
                    "MS651",
                    f"two parts of the data are named `{name}`",
                    help="give them different names",
                )
            found[name] = values
    return found


def _checked(columns: Mapping[str, Any], name: str) -> dict[str, Array]:
    found = {str(column): _array(values, str(column), name) for column, values in columns.items()}
    if not found:
        raise Fault("MS612", f"{name} has no columns")
    return found


def _array(values: Any, column: str, table: str) -> Array:
    """A column as a `Table` has it. Raises `Fault` (MS651)."""
    if not isinstance(values, np.ndarray):
        if hasattr(values, "numpy"):
            values = values.numpy()
        elif hasattr(values, "__array__"):
            values = np.asarray(values)
    if not isinstance(values, np.ndarray):
        values = _of_list(values, column, table)
    if values.ndim == 0:
        raise Fault("MS651", f"`{column}` of {table} is a single value, not one for every example")
    if values.dtype.kind == "S":
        return np.array(np.char.decode(values, "utf-8"), dtype=object)
    if values.dtype.kind == "O":
        return _of_list(values.tolist(), column, table) if values.ndim == 1 else values
    found: Array = (
        values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    )
    return found


def _of_list(values: Any, column: str, table: str) -> Array:
    if not isinstance(values, (list, tuple)):
        raise Fault(
            "MS651",
            f"`{column}` of {table} is a `{type(values).__name__}`, not an array",
            help="give NumPy arrays, or lists of numbers, text or lists",
        )
    shape = Shape()
    plain = [_plain(value) for value in values]
    for place, value in enumerate(plain):
        if (wrong := shape.add(value, place)) is not None:
            raise Fault("MS651", f"`{column}` {wrong} at {column}[{place}] of {table}")
    return Values(shape, column, table).array(plain)


def _plain(value: Any) -> Any:
    """A value as JSON would have it: NumPy's as Python's, what pandas has for nothing as None."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple):
        return list(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _from_frame(frame: Any, name: str) -> MemoryTable:
    twice = [str(one) for one in frame.columns[frame.columns.duplicated()]]
    if twice:
        raise Fault(
            "MS604", f"{name} names `{twice[0]}` twice", help="give each column a name of its own"
        )
    columns = {str(column): _series(frame[column], str(column), name) for column in frame.columns}
    return MemoryTable(name, columns, rows=list(frame.index))


def _series(series: Any, column: str, table: str) -> Array:
    """A column of a data frame: text and categories as text, a missing number as `NOTHING`."""
    missing = series.isna().to_numpy()
    kind = getattr(series.dtype, "kind", "O")
    if str(series.dtype) == "category" or kind == "O" or str(series.dtype) in ("string", "str"):
        values = [
            None if lacking else value
            for value, lacking in zip(series.tolist(), missing, strict=True)
        ]
        return _of_list(values, column, table)
    if kind in "Mm":
        times: Array = np.where(missing, "", series.astype(str).to_numpy(dtype=object))
        return times
    if missing.any():
        filled: Array = np.where(
            missing, NOTHING, series.to_numpy(dtype=np.float64, na_value=np.nan)
        )
        return filled
    found: Array = series.to_numpy()
    return found if found.dtype.kind != "O" else _of_list(found.tolist(), column, table)


# Batches ------------------------------------------------------------------------------------------


def _batches(data: Any) -> Iterator[Any]:
    """The batches of one pass. Raises `Fault` (MS651)."""
    if callable(data) and not _is_iterable(data):
        data = data()
    if _has(data, "num_batches", "__getitem__"):  # a PyDataset, which iterates without an end
        return _indexed(data, data.num_batches)
    if _has(data, "cardinality", "as_numpy_iterator"):
        if int(data.cardinality()) == -1:
            raise _endless()
        return iter(data.as_numpy_iterator())
    if not isinstance(data, (str, bytes)):
        if _has(data, "__len__", "__getitem__") and not isinstance(data, list):
            return _indexed(data, len(data))
        if isinstance(data, Iterable):
            return iter(data)
    raise Fault(
        "MS651",
        f"a `{type(data).__name__}` is no data that modelspec takes",
        help=(
            "give a mapping of arrays, a data frame, a `tf.data.Dataset`, a `PyDataset`, or batches"
        ),
    )


def _is_iterable(data: Any) -> bool:
    return hasattr(data, "__iter__") or hasattr(data, "__getitem__")


def _has(data: Any, *attributes: str) -> bool:
    return all(hasattr(data, one) for one in attributes)


def _indexed(data: Any, batches: int | None) -> Iterator[Any]:
    if batches is None:
        raise _endless()
    return (data[index] for index in range(batches))


def _endless() -> Fault:
    return Fault(
        "MS651",
        "the data does not end: an epoch of it is no set of examples",
        help="take as many batches as an epoch has, e.g. `dataset.take(1000)`",
    )


def _from_batches(batches: Iterator[Any], name: str) -> MemoryTable:
    found: dict[str, list[Array]] = {}
    size = 0
    for number in count():
        try:
            batch = next(batches)
        except StopIteration:
            break
        except DataError:
            raise
        except Exception as error:  # code of the user's, which may raise anything
            raise Fault(
                "MS651", f"{name} fails at batch {number}: {type(error).__name__}: {error}"
            ) from error
        columns = _checked(_columns(batch), f"batch {number} of {name}")
        _same(found, columns, number, name)
        for column, values in columns.items():
            found.setdefault(column, []).append(values)
            size += values.nbytes
        if size > LIMIT:
            raise Fault(
                "MS651",
                f"{name} gives more than {in_bytes(LIMIT)}, or does not end",
                help="write it to files once, and let a source of the spec read these",
            )
    if not found:
        raise Fault("MS612", f"{name} has no examples")
    return MemoryTable(
        name, {column: _joined(pieces, column, name) for column, pieces in found.items()}
    )


def _same(
    found: Mapping[str, list[Array]], columns: Mapping[str, Array], number: int, name: str
) -> None:
    if found and found.keys() != columns.keys():
        raise Fault(
            "MS651",
            f"batch {number} of {name} has {_listed(columns)}, but those before have"
            f" {_listed(found)}",
        )
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"`{column}` {length}" for column, length in lengths.items())
        raise Fault("MS611", f"the parts of batch {number} of {name} differ in length: {counts}")


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _joined(pieces: list[Array], column: str, name: str) -> Array:
    shapes = {piece.shape[1:] for piece in pieces}
    if len(shapes) == 1:
        return np.concatenate(pieces)
    if any(piece.dtype.kind in "OU" and piece.ndim == 1 for piece in pieces):
        return np.concatenate(pieces)
    found = np.empty(
        sum(len(piece) for piece in pieces), object
    )  # padded per batch: lists of different lengths
    for index, value in enumerate(value for piece in pieces for value in piece):
        found[index] = value
    return found


def _fingerprint(columns: Mapping[str, Array]) -> str:
    digest = sha256()
    for name, values in columns.items():
        digest.update(f"{name}\0{values.dtype}\0{values.shape}\0".encode())
        if values.dtype.kind == "O":
            for value in values.ravel():
                digest.update(
                    value.tobytes() if isinstance(value, np.ndarray) else str(value).encode()
                )
                digest.update(b"\0")
        else:
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
