"""Columns of data from a program: arrays of any library, series, lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .array_forms import in_numpy
from .arrow_frames import arrow_column, is_arrow
from .data_frames import is_series, series_column
from .durations import check_unit, seconds_of
from .memory_table import Column, MemoryTable, column_of_list
from .table import Array


def column_of(values: Any, column: str, table: str) -> Column:
    """A column in the form of a `Table`. Raises `Fault` (MS651, MS653)."""
    if is_series(values):
        return series_column(values, column, table)
    if is_arrow(values):
        return arrow_column(values, column, table)
    what = f"`{column}` of {table}"
    found = in_numpy(values, what)
    if isinstance(found, list):
        return _listed(found, values, column, table)
    if found.ndim == 0:
        raise Fault("MS651", f"{what} is a single value; expected one value per example")
    if found.dtype.kind == "m":
        check_unit(found.dtype, what)
        return Column(seconds_of(found))
    masked = isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "iu"
    whole = masked and found.dtype.kind == "f"
    return Column(found, whole)


def _listed(found: list[Any], values: Any, column: str, table: str) -> Column:
    """The column of a list. For a list from an object array with several axes, its items are one
    array, in which some may be missing.
    """
    if getattr(values, "ndim", 1) < 2 or not isinstance(values, np.ndarray):
        return column_of_list(found, column, table)
    items = np.array(found, dtype=object)
    if any(isinstance(one, (list, tuple, np.ndarray)) for one in items.flat):
        return column_of_list(found, column, table)
    flat = column_of_list(items.ravel().tolist(), column, table)
    return Column(flat.values.reshape(items.shape), flat.whole)


def table_of_columns(
    columns: Mapping[Any, Any], name: str, rows: Sequence[Any] | None = None
) -> MemoryTable:
    """A table of columns by name. Raises `Fault`: MS604 for a duplicate name, MS612 for no
    columns.
    """
    found: dict[str, Array] = {}
    whole: set[str] = set()
    for key, values in columns.items():
        column = str(key)
        if column in found:
            raise Fault(
                "MS604",
                f"{name} has two columns named `{column}`",
                help="give each column a unique name",
            )
        made = column_of(values, column, name)
        found[column] = made.values
        if made.whole:
            whole.add(column)
    if not found:
        raise Fault("MS612", f"{name} has no columns")
    return MemoryTable(name, found, rows, whole)


def table_of_mappings(
    rows: Sequence[Mapping[Any, Any]], name: str, numbers: Sequence[int] | None = None
) -> MemoryTable:
    """A table of mappings, one per row; a column that a row lacks has no value there. Raises
    `Fault`.
    """
    names = dict.fromkeys(str(column) for row in rows for column in row)
    if rows and not names:
        raise Fault(
            "MS607",
            f"{name} has no columns: each row is empty",
            help="write the columns that the inputs read as keys of a row",
        )
    columns = {column: [row.get(column) for row in rows] for column in names}
    return table_of_columns(columns, name, numbers or list(range(1, len(rows) + 1)))
