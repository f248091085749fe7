"""Cells with several labels: `red|green` as the list of its parts."""

from __future__ import annotations

import numpy as np

from modelspec.core.diagnostics import Fault

from .sequences import is_ragged
from .table import Array


def parts_of(values: Array, separator: str, subject: str) -> Array:
    """The labels of each cell, as an array of arrays of strings: trimmed, without empty ones. Lists
    are unchanged. Raises `Fault` (MS609) for cells that are numbers.
    """
    if is_ragged(values) or values.ndim > 1:
        return values
    if values.dtype.kind not in "OUS":
        raise Fault(
            "MS609",
            f"{subject} contains numbers ({values.dtype}), which `separator` cannot split",
            help="remove `separator`",
        )
    found = np.empty(len(values), object)
    for row, cell in enumerate(values):
        text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
        parts = [part.strip() for part in text.split(separator)]
        found[row] = np.array([part for part in parts if part], object)
    return found


def longest(values: Array) -> int:
    """The length of the longest list; at least 1."""
    return max(1, *(len(one) for one in values)) if len(values) else 1


def side_by_side(values: Array, filler: str | int) -> Array:
    """Lists of different lengths as an array, padded at the end."""
    size = longest(values)
    dtype = object if isinstance(filler, str) else np.int64
    found = np.full((len(values), size), filler, dtype)
    for row, one in enumerate(values):
        found[row, : len(one)] = one
    return found
