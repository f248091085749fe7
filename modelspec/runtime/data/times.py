"""The order of texts that are times or numbers.

Times with UTC offsets are compared as instants: `2024-03-01T00:30:00+09:00` is before
`2024-02-29T20:00:00+00:00`. Times without an offset are compared as they are written. The two
cannot be compared with each other, so a column has one kind only. Texts that are numbers are
compared as numbers: 10 comes after 9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from .table import Array

_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
    r" ?(?P<offset>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)
"""ISO 8601, and the forms of it that pandas, Arrow and databases write."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DIGITS = 18
"""Of a second's fraction that are compared."""


class Time(NamedTuple):
    """A time, in the order of which the tuples are."""

    seconds: int
    """Since the year 1: of UTC where there is an offset, else of the clock that was read."""
    fraction: int
    """Of a second, in units of 10^-18."""
    offset: bool
    """Whether it has a UTC offset."""


class Unordered(NamedTuple):
    """Texts that cannot be put in order."""

    bad: Array
    """Which of them are at fault, as [texts] of `bool`."""
    said: str
    """What is wrong with these, as the end of a sentence: `is no number`."""
    help: str
    other: int | None = None
    """The position of a text that they cannot be compared with."""
    of_other: str = ""
    """What this one is: `is one`."""


def read_time(text: str) -> Time | None:
    """The time that a text says; None where it says none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (
        int(found[name] or otherwise)
        for name, otherwise in zip(
            ("year", "month", "day", "hour", "minute", "second"), (1, 1, 1, 0, 0, 0), strict=True
        )
    )
    shift = _shift(found["offset"])
    if hour > 23 or minute > 59 or second > 59 or shift is None:
        return None
    try:
        days = date(year, month, day).toordinal()
    except ValueError:  # the 30th of February, the year 0
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - shift
    fraction = int((found["fraction"] or "0")[:_DIGITS].ljust(_DIGITS, "0"))
    return Time(seconds, fraction, found["offset"] is not None)


def _shift(offset: str | None) -> int | None:
    """The seconds that an offset is ahead of UTC; None where there is no such offset."""
    if offset is None or offset[0] not in "+-":
        return 0
    digits = offset[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return (-1 if offset[0] == "-" else 1) * ((hours * 60 + minutes) * 60 + seconds)


def order_of(texts: Array) -> Array | Unordered:
    """The rank of each text among all, as [texts] of int64: equal instants, and equal numbers, have
    one rank.

    All are numbers, all are times with an offset, or all are times without one: the first text
    decides which.
    """
    cells = [str(text).strip() for text in texts]
    if cells and _number(cells[0]) is not None:
        numbers = [_number(cell) for cell in cells]
        bad = np.array([one is None for one in numbers])
        if bad.any():
            return Unordered(
                bad, "is no number", "write a number, or a time, in every row", 0, "is one"
            )
        return _ranks([one for one in numbers if one is not None])
    times = [read_time(cell) for cell in cells]
    known = [one for one in times if one is not None]
    if len(known) < len(times):
        return Unordered(
            np.array([one is None for one in times]),
            "is no time that can be put in order",
            "write times as 2026-01-31, 2026-01-31T12:00:00 or 2026-01-31T12:00:00+02:00, or as"
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


def _number(cell: str) -> int | float | None:
    """The number that a text is, exactly where it is whole; None where it is none that has an
    order.
    """
    try:
        found = int(cell) if _WHOLE.fullmatch(cell) else float(cell)
    except ValueError:
        return None
    return None if "_" in cell or found != found else found


def _ranks(keys: Sequence[Any]) -> Array:
    """The place of each key among the different ones, as [keys] of int64."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([places[key] for key in keys], np.int64)
