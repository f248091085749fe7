"""Suggestions for cells that are not numbers, from how they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .cells import reads_as_number

_SPACES = (" ", "\u00a0", "\u202f", "\u2009")
_BETWEEN = (",", ".", *_SPACES, "'", "\u2019")
"""Common thousands separators."""
_SIGNS = ("%", "$", "€", "_")


def number_help(
    cells: Sequence[str], *, decimal: str = ".", settings: str | None = None
) -> str | None:
    """A suggestion for cells of a column that are not numbers; None where the format is not known.

    `decimal` is the decimal separator; `settings` names the source that has settings for the number
    format.
    """
    if (mark := _thousands(cells, decimal)) is not None:
        if settings is None:
            return f"write thousands without {_NAMES.get(mark, f'`{mark}`')}"
        written = f'"{mark}"' if mark != "\u00a0" else '"\\u00a0"'
        return (
            f"if `{mark}` separates thousands, set `{settings}: {{path: ...,"
            f" thousands: {written}}}`"
        )
    other = "," if decimal == "." else "."
    if all(_is_decimal(cell, other) for cell in cells):
        if settings is None:
            return "write decimals with a point"
        if decimal == ",":
            return "write decimals with a comma, or remove `decimal` of the source"
        return f'write decimals with a point, or set `decimal: ","` in `{settings}`'
    return _without_signs(cells[0])


_NAMES = {",": "commas", " ": "spaces", ".": "points"}


def _thousands(cells: Sequence[str], decimal: str) -> str | None:
    """The thousands separator that fits all cells; None where there is none."""
    for mark in _BETWEEN:
        if mark == decimal:
            continue
        groups = re.compile(
            rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+({re.escape(decimal)}\d*)?"
        )
        if all(groups.fullmatch(cell.strip()) for cell in cells):
            return mark
    return None


def _is_decimal(cell: str, mark: str) -> bool:
    return cell.count(mark) == 1 and reads_as_number(cell.strip().replace(mark, "."))


def _without_signs(cell: str) -> str | None:
    for sign in _SIGNS:
        if sign in cell and reads_as_number(cell.replace(sign, "").strip()):
            return f"write numbers without `{sign}`"
    if any(space in cell for space in _SPACES) and reads_as_number("".join(cell.split())):
        return "write numbers without spaces"
    return None
