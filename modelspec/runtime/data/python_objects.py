"""Data that a program has in memory: arrays, data frames, `tf.data.Dataset`,
`keras.utils.PyDataset`, generators.

What gives its examples one batch after the other is read once, to its end, and kept: its order in
an epoch is then decided as for any other source. What does not end is a fault, as is more than
`LIMIT` bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .data_frames import from_frame
from .errors import DataError
from .memory_table import WEIGHT, MemoryTable, X, Y, array_of
from .sources.formats.files import in_bytes
from .table import Array, Table, fail

__all__ = ["LIMIT", "WEIGHT", "MemoryTable", "X", "Y", "table_from"]

LIMIT = 8 * 2**30
"""Bytes that are read of something that gives batches."""


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
            return from_frame(data, name)
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
    found = {str(column): array_of(values, str(column), name) for column, values in columns.items()}
    if not found:
        raise Fault("MS612", f"{name} has no columns")
    return found


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
