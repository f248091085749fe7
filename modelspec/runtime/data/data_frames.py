"""pandas's data frames as tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .cells import inexact
from .memory_table import MemoryTable, array_of_list
from .sources.formats.arrow_values import temporal
from .table import NOTHING, Array


def from_frame(frame: Any, name: str) -> MemoryTable:
    """The table of a pandas `DataFrame`. Raises `Fault`: MS604, MS651, MS653."""
    twice = [str(one) for one in frame.columns[frame.columns.duplicated()]]
    if twice:
        raise Fault(
            "MS604", f"{name} names `{twice[0]}` twice", help="give each column a name of its own"
        )
    columns = {str(column): _series(frame[column], str(column), name) for column in frame.columns}
    whole = {name for name, kind in zip(columns, frame.dtypes, strict=True) if _is_whole(kind)}
    return MemoryTable(name, columns, list(frame.index), whole)


def _is_whole(dtype: Any) -> bool:
    """Whether the numbers of a data frame's column are whole ones."""
    return getattr(dtype, "kind", "O") in "iu"


def _series(series: Any, column: str, table: str) -> Array:
    """A column of a data frame: text and categories as text, a missing number as `NOTHING`."""
    missing = series.isna().to_numpy()
    kind = getattr(series.dtype, "kind", "O")
    if str(series.dtype) == "category" or kind == "O" or str(series.dtype) in ("string", "str"):
        values = [
            None if lacking else value
            for value, lacking in zip(series.tolist(), missing, strict=True)
        ]
        return array_of_list(values, column, table)
    if kind in "Mm":
        import pyarrow as pa

        return temporal(pa.array(series))
    if missing.any():
        if kind in "iu":
            _check_exact(series, missing, column, table)
        filled: Array = np.where(
            missing, NOTHING, series.to_numpy(dtype=np.float64, na_value=np.nan)
        )
        return filled
    found: Array = series.to_numpy()
    return found if found.dtype.kind != "O" else array_of_list(found.tolist(), column, table)


def _check_exact(series: Any, missing: Array, column: str, table: str) -> None:
    """Raises `Fault` (MS653) for a whole number that float64 would change, which a column that
    lacks values is kept in.
    """
    known = series[~missing]
    bad = inexact(known.to_numpy(dtype=series.dtype.numpy_dtype), 53)
    if bad is not None:
        at = int(np.argmax(bad))
        raise Fault(
            "MS653",
            f"`{column}` of {table} lacks values, and others are whole numbers so large that"
            f" floating point would change them: {known.iloc[at]} in row {known.index[at]!r}",
            help="fill the missing ones in, or write text",
        )
