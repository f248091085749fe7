"""Dates and times converted to the numbers of their parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from modelspec.catalog.layers.date_parts import CYCLES, DateParts
from modelspec.compiler.spec.times import read_time

from .table import Array


class _Clock(NamedTuple):
    """A time as written, ignoring its UTC offset."""

    day: date
    hour: int
    minute: int
    second: int


_PARTS: dict[str, Callable[[_Clock], int]] = {
    "year": lambda clock: clock.day.year,
    "quarter": lambda clock: (clock.day.month + 2) // 3,
    "month": lambda clock: clock.day.month,
    "week": lambda clock: clock.day.isocalendar().week,
    "day": lambda clock: clock.day.day,
    "day_of_year": lambda clock: clock.day.timetuple().tm_yday,
    "weekday": lambda clock: clock.day.weekday(),
    "hour": lambda clock: clock.hour,
    "minute": lambda clock: clock.minute,
    "second": lambda clock: clock.second,
}


def is_date(text: str) -> bool:
    """Whether a string is a date or a time."""
    return read_time(text.strip()) is not None


def no_dates(texts: Array) -> Array:
    """Which strings are not dates; an empty string, a missing value, is not counted."""
    distinct, places = np.unique(texts.astype(str), return_inverse=True)
    bad = np.array([bool(text) and not is_date(text) for text in distinct], bool)
    found: Array = (
        bad[places].reshape(texts.shape) if len(distinct) else np.zeros(texts.shape, bool)
    )
    return found


def parts_of_dates(layer: DateParts) -> Callable[[Array], Array]:
    """A function that computes the layer: from strings of shape (rows,) or (rows, ..., columns) to
    (rows, ..., columns * parts). It raises `ValueError` for a string that is not a date.
    """

    def apply(texts: Array) -> Array:
        cells = texts.astype(str)
        distinct, places = np.unique(cells, return_inverse=True)
        rows = [[_PARTS[part](_clock(text)) for part in layer.parts] for text in distinct]
        numbers = np.array(rows, np.int64).reshape(len(distinct), len(layer.parts))
        found: Array = _on_circles(layer, numbers) if layer.cyclic else numbers
        leading = cells.shape if cells.ndim == 1 else cells.shape[:-1]
        return found[places.ravel()].reshape(*leading, -1)

    return apply


def _clock(text: str) -> _Clock:
    text = text.strip()
    if read_time(text) is None:
        raise ValueError(f'"{text}" is not a date')
    year, month, day, hour, minute, second = (
        int(text[start : start + size] or otherwise)
        for start, size, otherwise in (
            (0, 4, 1),
            (5, 2, 1),
            (8, 2, 1),
            (11, 2, 0),
            (14, 2, 0),
            _seconds(text),
        )
    )
    return _Clock(date(year, month, day), hour, minute, second)


def _seconds(text: str) -> tuple[int, int, int]:
    """Start, size and default of the seconds of a time; it may have none."""
    return (17, 2, 0) if text[16:17] == ":" else (len(text), 2, 0)


def _on_circles(layer: DateParts, numbers: Array) -> Array:
    """A sine and a cosine for each number."""
    cycles = [CYCLES[part] for part in layer.parts]
    first, period = (np.array(one, np.float64) for one in zip(*cycles, strict=True))
    angle: Any = 2 * np.pi * (numbers - first) / period
    found = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(len(numbers), -1)
    return found if layer.compute_dtype == "float64" else found.astype(np.float32)
