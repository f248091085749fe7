"""Times written as strings, and numbers.

Times with UTC offsets are compared as instants: `2024-03-01T00:30:00+09:00` is before
`2024-02-29T20:00:00+00:00`. Times without an offset are compared as they are written.
"""

from __future__ import annotations

import re
from datetime import date

from modelspec.core.records import NamedTuple

_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
    r" ?(?P<offset>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)
"""ISO 8601, and its variants that pandas, Arrow and databases write."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DIGITS = 18
"""The most digits of fractional seconds that are compared."""


class Time(NamedTuple):
    """A time; the tuples sort in the order of the times."""

    seconds: int
    """Since the year 1: in UTC if there is an offset, otherwise in local time."""
    fraction: int
    """The fraction of the second, in units of 10^-18."""
    offset: bool
    """Whether it has a UTC offset."""


def read_time(text: str) -> Time | None:
    """The time that a string represents; None if it is not a time."""
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
    except ValueError:  # e.g. February 30, or the year 0
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - shift
    fraction = int((found["fraction"] or "0")[:_DIGITS].ljust(_DIGITS, "0"))
    return Time(seconds, fraction, found["offset"] is not None)


def _shift(offset: str | None) -> int | None:
    """The offset from UTC in seconds; None if the offset is invalid."""
    if offset is None or offset[0] not in "+-":
        return 0
    digits = offset[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return (-1 if offset[0] == "-" else 1) * ((hours * 60 + minutes) * 60 + seconds)


def read_number(cell: str) -> int | float | None:
    """The number that a string represents, exact for integers; None if it is not a number that can
    be ordered.
    """
    try:
        found = int(cell) if _WHOLE.fullmatch(cell) else float(cell)
    except ValueError:
        return None
    return None if "_" in cell or found != found else found
