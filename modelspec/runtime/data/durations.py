"""Durations converted to seconds, from any unit in a file or program."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from modelspec.core.diagnostics import Fault

from .table import NOTHING, Array

_SECONDS = {"W": 604_800, "D": 86_400, "h": 3_600, "m": 60, "s": 1}
_PARTS = {"ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}
"""Units by the power of ten of their number in a second."""
_NAT = np.iinfo(np.int64).min


def check_unit(dtype: np.dtype[Any], what: str) -> None:
    """Raises `Fault` (MS653) where an array of durations has a unit without a fixed length."""
    if dtype.kind != "m":
        return
    unit, _ = np.datetime_data(dtype)
    if unit not in _SECONDS and unit not in _PARTS:
        has = "no unit" if unit == "generic" else f"the unit `{unit}`, whose length varies"
        raise Fault(
            "MS653",
            f"{what} contains durations with {has}",
            help="save it as `timedelta64[s]`, or as numbers",
        )


def seconds_of(values: Array) -> Array:
    """An array of `timedelta64` as float64 of the same shape: seconds, and `NOTHING` where a value
    is missing. `check_unit` must have accepted its unit.
    """
    unit, _many = np.datetime_data(values.dtype)
    counts = np.ascontiguousarray(values).astype(f"m8[{unit}]").view(np.int64)
    if unit in _SECONDS:
        found = counts.astype(np.float64) * _SECONDS[unit]
    else:
        # Whole seconds and the rest separately: not every int64 is a float64.
        rest = np.fmod(counts, 10 ** _PARTS[unit])
        found = (counts - rest) // 10 ** _PARTS[unit] + rest / 10 ** _PARTS[unit]
    return np.where(counts == _NAT, NOTHING, found)


def seconds_in(value: timedelta | np.timedelta64) -> float:
    """A single duration as seconds. Raises `Fault` (MS653)."""
    if isinstance(value, timedelta) and not hasattr(value, "to_timedelta64"):
        return value.days * 86_400 + (value.seconds + value.microseconds / 1e6)
    exact = np.asarray(value if isinstance(value, np.timedelta64) else value.to_timedelta64())
    check_unit(exact.dtype, "the data")
    return float(seconds_of(exact).item())
