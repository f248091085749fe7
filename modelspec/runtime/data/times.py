"""The order of strings that are times or numbers.

Times with UTC offsets are compared as instants: `2024-03-01T00:30:00+09:00` is before
`2024-02-29T20:00:00+00:00`. Times without an offset are compared as they are written. The two
cannot be compared with each other, so a column must have one kind only. Strings that are numbers
are compared as numbers: 10 comes after 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from modelspec.compiler.spec.times import read_number, read_time

from .table import Array


class Unordered(NamedTuple):
    """Strings that cannot be ordered."""

    bad: Array
    """Which of them are invalid, as [strings] of `bool`."""
    said: str
    """Their problem, as the end of a sentence: `is not a number`."""
    help: str
    other: int | None = None
    """The position of a string that they cannot be compared with."""
    of_other: str = ""
    """The kind of that one: `is one`."""


def order_of(texts: Array) -> Array | Unordered:
    """The rank of each string among all, as [strings] of int64: equal instants, and equal numbers,
    have the same rank.

    All are numbers, all are times with an offset, or all are times without one: the first string
    decides which.
    """
    cells = [str(text).strip() for text in texts]
    if cells and read_number(cells[0]) is not None:
        numbers = [read_number(cell) for cell in cells]
        bad = np.array([one is None for one in numbers])
        if bad.any():
            return Unordered(
                bad, "is not a number", "write a number, or a time, in every row", 0, "is one"
            )
        return _ranks([one for one in numbers if one is not None])
    times = [read_time(cell) for cell in cells]
    known = [one for one in times if one is not None]
    if len(known) < len(times):
        return Unordered(
            np.array([one is None for one in times]),
            "is not a time that can be ordered",
            "write times like 2026-01-31, 2026-01-31T12:00:00 or 2026-01-31T12:00:00+02:00, or as"
            " numbers",
        )
    offset = np.array([one.offset for one in known], bool)
    if known and (offset != offset[0]).any():
        said = (
            ("has a UTC offset", "has none") if not offset[0] else ("has no UTC offset", "has one")
        )
        help = "write the offset in every row (`Z` for UTC), or in none"
        return Unordered(offset != offset[0], said[0], help, 0, said[1])
    return _ranks(known)


def _ranks(keys: Sequence[Any]) -> Array:
    """The index of each key among the distinct ones, as [keys] of int64."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([places[key] for key in keys], np.int64)
