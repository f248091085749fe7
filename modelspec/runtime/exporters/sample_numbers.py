"""Numbers of the rows that check an export."""

from __future__ import annotations

import numpy as np

from ..data.adapt import Pipeline
from ..data.sequences import is_ragged
from ..data.table import Array


def numbers_of(pipe: Pipeline, name: str, values: Array) -> Array:
    """A column of numbers, also if its cells are strings: NaN for a missing value."""
    if values.dtype.kind != "O" or is_ragged(values):
        return values
    cells = pipe.feature.cells(name, values)
    found = np.array(cells.values, np.float64)
    if cells.missing is not None:
        found[cells.missing] = np.nan
    return found


def rounded(values: Array) -> Array:
    """The numbers rounded to float32, in float64."""
    if is_ragged(values):
        found = np.empty(len(values), object)
        for row, one in enumerate(values):
            found[row] = np.asarray(one, np.float32).astype(np.float64)
        return found
    return values.astype(np.float32).astype(np.float64)
