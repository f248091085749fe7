"""Columns of Arrow as arrays: nulls, lists and text in the form that a `Table` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.cells import inexact
from modelspec.runtime.data.durations import seconds_of
from modelspec.runtime.data.table import NOTHING, Array

if TYPE_CHECKING:
    from modelspec.runtime.data.table import Table


_TIMES = (
    (r"Z$", "+0000"),
    (r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2"),
    (r"(\.[0-9]*[1-9])0+([+-].*)?$", r"\1\2"),
    (r"\.0+([+-].*)?$", r"\1"),
    (r" 00:00:00$", ""),
)
"""The pandas form for Arrow's strings of times in different units: no trailing zeros in a
fraction, midnight without an offset as the date alone.
"""


class Form(NamedTuple):
    """The facts about a whole column that are required to convert a part of it to an array."""

    nulls: bool
    shape: tuple[int, ...] | None
    """The shape of every example; None if lists differ in length. An empty tuple for single
    values.
    """
    size: int = 8
    """The approximate bytes of an example."""

    def __or__(self, other: Form) -> Form:
        shape = self.shape if self.shape == other.shape else None
        return Form(self.nulls or other.nulls, shape, max(self.size, other.size))


def is_taken(kind: Any) -> bool:
    """Whether a type can be converted to an array."""
    from pyarrow import types

    kind = _value_type(kind)
    if _is_list(kind):
        return _is_plain(_innermost(kind))
    return _is_plain(kind) or bool(
        types.is_decimal(kind) or types.is_null(kind) or types.is_temporal(kind)
    )


def has_durations(schema: Any) -> bool:
    """Whether a column of a table holds durations."""
    from pyarrow import types

    return any(types.is_duration(_value_type(field.type)) for field in schema)


def _is_plain(kind: Any) -> bool:
    """Whether a type is numeric, boolean or a string."""
    from pyarrow import types

    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or _is_text(kind)
    )


def form_of(column: Any) -> Form:
    """The form of a column, or of a part of it."""
    import pyarrow as pa
    from pyarrow import types

    column = _plain(column)
    if not _is_list(column.type):
        return Form(column.null_count > 0 or types.is_null(column.type), ())
    values = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    shape = _shape(values)
    many = len(_leaves(values)) // max(1, len(column))
    return Form(column.null_count > 0, shape, max(8, 8 * many))


def values_of(column: Any, form: Form, name: str, table: Table, start: int = 0) -> Array:
    """The values of a column, or of the part of it from an example on. Raises `Fault` (MS608,
    MS653).
    """
    import pyarrow as pa

    column = _plain(column)
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    if not _is_list(column.type):
        return _singles(column, form, name, table, start)
    _no_nulls(column, name, table, start)
    leaves = _leaves(column)
    if leaves.null_count:
        raise Fault(
            "MS608",
            f"a list in `{name}` of {table.name} has a missing item",
            help="fill it in, or remove the row",
        )
    if form.shape is not None:
        return _array(leaves).reshape(len(column), *form.shape)
    found = np.empty(len(column), object)
    for index, one in enumerate(column):
        found[index] = np.array(one.as_py())
    return found


def _singles(column: Any, form: Form, name: str, table: Table, start: int) -> Array:
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if types.is_null(kind):
        return np.full(len(column), "", object)
    if types.is_temporal(kind):
        return temporal(column)
    if _is_text(kind):
        return _array(column)
    if types.is_decimal(kind):
        column = _of_decimals(column, name, table)
        kind = column.type
    if not form.nulls:
        return _array(column)
    if types.is_integer(kind):
        _check_exact(column, name, table, start)
    if types.is_boolean(kind):
        column = column.cast(pa.int8())
    numbers = column.cast(pa.float64(), safe=False)  # exact: checked above
    found: Array = numbers.fill_null(NOTHING).to_numpy(zero_copy_only=False)
    return found


def _of_decimals(column: Any, name: str, table: Table) -> Any:
    """Decimals as integers if they have no fraction, otherwise as floating-point numbers. Raises
    `Fault` (MS653) for integers of more than 64 bits.
    """
    import pyarrow as pa

    if column.type.scale > 0:
        return column.cast(pa.float64())
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise Fault(
            "MS653",
            f"`{name}` of {table.name} has the type `{column.type}` and contains an integer of"
            " more than 64 bits",
            help="write it as a string, or as a floating-point number if it may be rounded",
        ) from None


def _check_exact(column: Any, name: str, table: Table, start: int) -> None:
    """Raises `Fault` (MS653) for an integer that would change in float64, the dtype of an integer
    column with missing values.
    """
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    bad = inexact(values, 53)
    if bad is not None:
        row = int(np.argmax(bad))
        raise Fault(
            "MS653",
            f"`{name}` of {table.name} has missing values beside integers that are too large for"
            f" floating point: {values[row]} at {table.place(name, (start + row,))}",
            help="fill in the missing values, or write strings",
        )


def temporal(column: Any) -> Array:
    """A column of durations as float64 seconds, `NOTHING` for missing ones; of times or dates as
    strings. Neither depends on the column's unit.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_duration(column.type):
        unit = f"m8[{column.type.unit}]"
        counts = column.cast(pa.int64()).fill_null(np.iinfo(np.int64).min)
        return seconds_of(counts.to_numpy(zero_copy_only=False).view(unit))
    texts = column.cast(pa.string())
    for pattern, written in _TIMES:
        texts = pc.replace_substring_regex(texts, pattern, written)
    return _array(texts)


def _array(column: Any) -> Array:
    """Values without nulls, or strings."""
    if _is_text(column.type):
        return np.array(["" if one is None else one for one in column.to_pylist()], dtype=object)
    found: Array = column.to_numpy(zero_copy_only=False)
    return found


def _no_nulls(column: Any, name: str, table: Table, start: int) -> None:
    if column.null_count:
        row = next(index for index, one in enumerate(column) if not one.is_valid)
        raise Fault(
            "MS608",
            f"`{name}` has no list at {table.place(name, (start + row,))}",
            help="fill it in, or remove the row",
        )


# Types --------------------------------------------------------------------------------------------


def _value_type(kind: Any) -> Any:
    """The type without wrappers that only change the storage: dictionaries, extensions."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return kind.value_type
    return getattr(kind, "storage_type", kind)


def _plain(column: Any) -> Any:
    """The column with values of a plain type."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    if isinstance(column.type, pa.FixedShapeTensorType):
        kind = column.type.value_type
        for size in reversed(column.type.shape):
            kind = pa.list_(kind, size)
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return pa.chunked_array(
            [_nested(chunk.storage, column.type.shape) for chunk in chunks], kind
        )
    if isinstance(column.type, pa.BaseExtensionType):
        return column.cast(column.type.storage_type)
    return column


def _nested(storage: Any, shape: Any) -> Any:
    """A flat list of each example's numbers as lists of lists."""
    import pyarrow as pa

    found = storage.flatten()
    for size in reversed(shape):
        found = pa.FixedSizeListArray.from_arrays(found, size)
    return found


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _innermost(kind: Any) -> Any:
    while _is_list(kind):
        kind = kind.value_type
    return kind


def _leaves(column: Any) -> Any:
    while _is_list(column.type):
        column = column.flatten()
    return column


def _shape(column: Any) -> tuple[int, ...] | None:
    """The sizes of nested lists, if all lists of a level have the same size."""
    import pyarrow.compute as pc

    shape: list[int] = []
    while _is_list(column.type):
        sizes = pc.min_max(pc.list_value_length(column)).as_py()
        if sizes["min"] != sizes["max"] or sizes["min"] is None:
            return None
        shape.append(sizes["min"])
        column = column.flatten()
    return tuple(shape)
