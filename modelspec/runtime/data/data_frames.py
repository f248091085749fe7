"""pandas data frames as tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .cells import inexact
from .memory_table import Column, MemoryTable, column_of_list
from .sources.formats.arrow_values import temporal
from .table import NOTHING, Array


def from_frame(frame: Any, name: str) -> MemoryTable:
    """The table of a pandas `DataFrame`. Raises `Fault`: MS604, MS651, MS653."""
    names = [str(one) for one in frame.columns]
    twice = [one for one, count in Counter(names).items() if count > 1]
    if twice:
        raise Fault(
            "MS604",
            f"{name} has two columns named `{twice[0]}`",
            help="give each column a unique name",
        )
    columns = {
        str(column): series_column(frame.iloc[:, place], str(column), name)
        for place, column in enumerate(frame.columns)
    }
    whole = {name for name, column in columns.items() if column.whole}
    values = {name: column.values for name, column in columns.items()}
    return MemoryTable(name, values, list(frame.index), whole)


def is_series(values: Any) -> bool:
    """Whether it is a pandas series, index or array."""
    return (
        type(values).__module__.partition(".")[0] == "pandas"
        and hasattr(values, "isna")
        and not hasattr(values, "columns")
    )


def series_column(values: Any, column: str, table: str) -> Column:
    """A column of a pandas series, index or array. Raises `Fault` (MS651, MS653)."""
    from pandas import Series

    series = values if isinstance(values, Series) else Series(values)
    if series.dtype.__class__.__name__ == "SparseDtype":
        series = series.sparse.to_dense()
    whole = getattr(series.dtype, "kind", "O") in "iu"
    found = _series(series, column, table)
    return Column(found.values, found.whole or whole)


def _series(series: Any, column: str, table: str) -> Column:
    """A column of a data frame: strings and categories as text, a missing number as `NOTHING`."""
    missing = series.isna().to_numpy()
    kind = getattr(series.dtype, "kind", "O")
    if str(series.dtype) == "category" or kind == "O" or str(series.dtype) in ("string", "str"):
        values = [
            None if lacking else value
            for value, lacking in zip(series.tolist(), missing, strict=True)
        ]
        return column_of_list(values, column, table)
    if kind in "Mm":
        import pyarrow as pa

        return Column(temporal(pa.array(series)))
    if missing.any():
        if kind in "iu":
            _check_exact(series, missing, column, table)
        filled: Array = np.where(
            missing, NOTHING, series.to_numpy(dtype=np.float64, na_value=np.nan)
        )
        return Column(filled)
    found: Array = series.to_numpy()
    if found.dtype.kind == "O":
        return column_of_list(found.tolist(), column, table)
    return Column(found)


def _check_exact(series: Any, missing: Array, column: str, table: str) -> None:
    """Raises `Fault` (MS653) for an integer that float64 would change: a column with missing values
    is stored as float64.
    """
    known = series[~missing]
    bad = inexact(known.to_numpy(dtype=series.dtype.numpy_dtype), 53)
    if bad is not None:
        at = int(np.argmax(bad))
        raise Fault(
            "MS653",
            f"`{column}` of {table} has missing values beside integers that are too large for"
            f" floating point: {known.iloc[at]} in row {known.index[at]!r}",
            help="fill in the missing values, or pass strings",
        )
