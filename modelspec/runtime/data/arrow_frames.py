"""Arrow tables and columns (PyArrow, polars), read like a Parquet file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelspec.core.diagnostics import Fault

from .memory_table import Column, MemoryTable
from .sources.formats.arrow_values import form_of, is_taken, values_of
from .table import Table

if TYPE_CHECKING:
    from .table import Array

_INDEX = "__index_level_"
"""The prefix of columns that contain the index of a pandas data frame."""


class _Named(Table):
    """A table as `values_of` uses it: its name, and the places of its rows."""

    def read(self, name: str) -> Array:
        raise NotImplementedError

    def place(self, name: str, index: tuple[int, ...]) -> str:
        return f"row {index[0] + 1:,} of {self.name}"


def is_arrow(values: Any) -> bool:
    """Whether it is an Arrow column."""
    return _module(values) in ("pyarrow", "polars") and not hasattr(type(values), "columns")


def is_arrow_table(data: Any) -> bool:
    """Whether it is an Arrow table, or a stream of record batches."""
    known = _module(data) == "pyarrow" or not hasattr(data, "iloc")
    return known and hasattr(data, "__arrow_c_stream__") and hasattr(data, "schema")


def _module(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def arrow_column(values: Any, column: str, table: str) -> Column:
    """A column of an Arrow array, or of a polars series. Raises `Fault` (MS608, MS653)."""
    import pyarrow as pa

    values = _in_pyarrow(values)
    if isinstance(values, pa.Array):
        values = pa.chunked_array([values])
    values = _texts(values, column, table)
    if not is_taken(values.type):
        raise Fault(
            "MS653",
            f"`{column}` of {table} has the type `{values.type}`, which cannot be"
            " converted to an array",
            help="pass its parts as separate columns",
        )
    found = values_of(values, form_of(values), column, _Named(table, (), "", None))
    whole = found.dtype.kind == "f" and pa.types.is_integer(values.type)
    return Column(found, whole)


def _in_pyarrow(values: Any) -> Any:
    """Data of polars in types that every version of PyArrow can cast."""
    if _module(values) != "polars":
        return values
    return values.to_arrow(compat_level=import_module("polars").CompatLevel.oldest())


def _texts(values: Any, column: str, table: str) -> Any:
    """Bytes as strings."""
    import pyarrow as pa

    types = pa.types
    if not (types.is_binary(values.type) or types.is_large_binary(values.type)):
        return values
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        raise Fault(
            "MS651",
            f"`{column}` of {table} contains bytes that are not UTF-8",
            help='decode them first, e.g. `value.decode("latin-1")`',
        ) from None


def from_arrow(data: Any, name: str) -> MemoryTable:
    """The table of an Arrow table or a polars data frame. Raises `Fault`: MS604, MS608, MS651,
    MS653.
    """
    import pyarrow as pa

    table = pa.table(_in_pyarrow(data))
    names = table.column_names
    twice = [one for one in names if names.count(one) > 1] if len(set(names)) < len(names) else []
    if twice:
        raise Fault(
            "MS604",
            f"{name} has two columns named `{twice[0]}`",
            help="give each column a unique name",
        )
    own = [one for one in names if not one.startswith(_INDEX)]
    columns = {one: arrow_column(table.column(one), one, name) for one in own}
    whole = {one for one, column in columns.items() if column.whole}
    return MemoryTable(name, {one: column.values for one, column in columns.items()}, None, whole)
