"""Data in the memory of a program: arrays, data frames, `tf.data.Dataset`,
`keras.utils.PyDataset`, generators.

An object that yields batches is read once, to its end, and kept: its order in an epoch is then
determined as for any other source. An endless object, or more than `LIMIT` bytes, is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .array_forms import in_numpy, is_array, is_mapping, is_ragged, is_sparse
from .arrow_frames import from_arrow, is_arrow_table
from .data_frames import from_frame
from .memory_table import WEIGHT, MemoryTable, X, Y
from .python_batches import batches_of, joined
from .python_columns import column_of, table_of_columns, table_of_mappings
from .table import Table, fail
from .unnamed_parts import Names, is_in_order, stacked

__all__ = ["LIMIT", "WEIGHT", "MemoryTable", "X", "Y", "table_from"]

LIMIT = 8 * 2**30
"""The most bytes that are read from an object that yields batches."""


def table_from(data: Any, name: str = "data", names: Names | None = None) -> Table:
    """A table of data from a program.

    A table is returned unchanged. Otherwise: a mapping of names to arrays; a data frame of pandas,
    polars or PyArrow (or anything with `to_pandas`); a structured array; a list of mappings, one
    per row; a tuple `(x, y)` or `(x, y, sample_weight)` of arrays, lists of arrays, data frames or
    mappings of arrays; a `tf.data.Dataset` or a `keras.utils.PyDataset` of batches; or an iterable
    of batches (mappings or tuples), or a function that returns one. A single array is the input.
    Arrays without a name are the columns `x`, `y` and `sample_weight`, or those in `names`; a list
    of arrays has one for each input, in their order.

    Raises `DataError`: MS651 for any other object, MS604 for a duplicate column name, MS611 if
    batches differ in length.
    """
    names = names or Names()
    try:
        if isinstance(data, Table):
            return data
        _refuse(data)
        if (frame := frame_table(data, name)) is not None:
            return frame
        if isinstance(data, list) and (rows := _rows(data)):
            return table_of_mappings(rows, name)
        if _is_whole(data):
            return table_of_columns(_columns(data, names), name)
        tables = (
            table_of_columns(
                _columns(tuple(one) if _is_listed_batch(one) else one, names),
                f"batch {number} of {name}",
            )
            for number, one in batches_of(data, name)
        )
        return joined(tables, name, LIMIT)
    except Fault as fault:
        raise fail(fault, None) from None


def _refuse(data: Any) -> None:
    """Raises `Fault` (MS651) for objects that are easily mistaken for data."""
    if isinstance(data, type):
        what, help = f"`{data.__name__}` is a class, not data", "pass an instance: `CLASS(...)`"
    elif type(data).__name__ == "LazyFrame":
        what, help = "a `LazyFrame` has no rows yet", "pass `frame.collect()`"
    elif is_sparse(data) or is_ragged(data):
        in_numpy(data, "the data")
        return
    elif isinstance(data, tuple) and len(data) > 3 and not all(map(_is_batch, data)):
        what = f"a tuple of {len(data)} items is not data"
        help = "pass `(x, y)` or `(x, y, sample_weight)`; several inputs are a list: `([a, b], y)`"
    elif isinstance(data, tuple) and (bad := [one for one in data if not _is_part(one)]):
        what = f"the tuple contains a `{type(bad[0]).__name__}`"
        help = "give `(x, y)` or `(x, y, sample_weight)`, each an array or a mapping of arrays"
    else:
        return
    raise Fault("MS651", what, help=help)


def _is_batch(value: Any) -> bool:
    return isinstance(value, tuple) or is_mapping(value) or _is_listed_batch(value)


def _is_listed_batch(value: Any) -> bool:
    """Whether it is `[x, y]` or `[x, y, sample_weight]`: a batch of PyTorch's `DataLoader`, which
    Keras reads as the tuple.
    """
    return (
        isinstance(value, list)
        and 2 <= len(value) <= 3
        and all(is_array(one) or is_mapping(one) or is_in_order(one) for one in value)
    )


def _is_part(value: Any) -> bool:
    """Whether it may be `x`, `y` or `sample_weight`."""
    if isinstance(value, (str, bytes)):
        return False
    # Checked on the class: on a `LazyFrame` the property would compute the rows, and warn.
    framed = hasattr(value, "__len__") or hasattr(type(value), "schema")
    return value is None or is_array(value) or framed


def _rows(data: list[Any]) -> list[Mapping[Any, Any]] | None:
    """A list of mappings of single values, one a row; None for every other list."""
    if not data or not all(map(is_mapping, data)):
        return None
    values = (value for row in data for value in row.values())
    single = all(isinstance(one, (str, bytes)) or not hasattr(one, "__len__") for one in values)
    return data if single and not any(map(is_array, data[0].values())) else None


def _is_whole(data: Any) -> bool:
    """Whether all examples are available at once, rather than in batches."""
    if isinstance(data, tuple):
        return 1 <= len(data) <= 3
    if isinstance(data, list):
        return bool(data) and not any(map(_is_batch, data))
    return is_mapping(data) or is_array(data)


def frame_table(data: Any, name: str) -> MemoryTable | None:
    """The table of a data frame, or of an object with named columns; None for others."""
    if is_arrow_table(data):
        return from_arrow(data, name)
    if hasattr(data, "to_pandas") and not hasattr(data, "iloc"):
        data = data.to_pandas()
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return from_frame(data, name)
    fields = getattr(getattr(data, "dtype", None), "names", None)
    if isinstance(data, np.ndarray) and fields:
        return table_of_columns({one: data[one] for one in fields}, name)
    return None


def _columns(data: Any, names: Names) -> dict[str, Any]:
    """Columns by name of an array, a mapping, or a tuple of these. Raises `Fault` (MS651)."""
    if is_mapping(data):
        return _named_once(data)
    parts = data if isinstance(data, tuple) else (data,)
    if len(parts) > 3:
        raise Fault("MS651", f"a batch is a tuple of {len(parts)} items; expected at most 3")
    found: dict[str, Any] = {}
    for title, part in zip((X, Y, WEIGHT), parts, strict=False):
        for column, values in _of_part(title, part, names).items():
            if column in found and not _same_values(found[column], values):
                raise Fault(
                    "MS651",
                    f"two columns of the data are named `{column}`",
                    help="give them different names",
                )
            found[column] = values
    return found


def _of_part(title: str, part: Any, names: Names) -> dict[str, Any]:
    if part is None:
        return {}
    if title == WEIGHT and is_mapping(part):
        raise Fault(
            "MS651",
            "`sample_weight` is a mapping; expected one weight per example for all outputs",
            help="give one array, or weight the outputs with `training.loss_weights`",
        )
    if is_mapping(part):
        return _named_once(part)
    frame = frame_table(part, f"`{title}`") if title != WEIGHT else None
    if frame is None:
        return names.of(title, part)
    if names.reads(title, frame.names):
        return {column: frame.column(column) for column in frame.names}
    return names.of(title, stacked(frame, title))


def _named_once(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Columns by their keys as strings. Raises `Fault` (MS604) if two keys give one string."""
    found = {str(key): values for key, values in data.items()}
    if len(found) < len(data):
        keys = [str(key) for key in data]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Fault(
            "MS604",
            f"the data has two columns named `{twice}`: a number and a string",
            help="give each column a unique name",
        )
    return found


def _same_values(one: Any, other: Any) -> bool:
    """Whether a target is also among the columns of the inputs."""
    first, second = (column_of(values, "y", "data").values for values in (one, other))
    floats = first.dtype.kind == "f" and second.dtype.kind == "f"
    return np.array_equal(first, second, equal_nan=floats)
