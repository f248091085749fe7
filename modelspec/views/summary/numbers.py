"""Readable numbers."""

from __future__ import annotations

import re

from modelspec.core.shapes import Size, known

_UNITS = ("", " k", " M", " G", " T", " P", " E")


def count(size: Size) -> str:
    """With thousands separators; empty for None."""
    number = known(size)
    return _symbol(size) if number is None else f"{number:,}" if number else ""


def in_units(size: Size) -> str:
    """In readable units: `10.6 M`; empty for None."""
    number = known(size)
    return _symbol(size) if number is None else scaled(number) if number else ""


def scaled(number: int) -> str:
    step, value = 0, float(number)
    while value >= 999.95 and step < len(_UNITS) - 1:
        step, value = step + 1, value / 1000
    return f"{value:.1f}{_UNITS[step]}" if step else str(number)


def in_bytes(number: int) -> str:
    """`1.2 MB`; `812 bytes`."""
    return f"{scaled(number)}B" if number >= 1000 else f"{number} bytes"


def _symbol(size: Size) -> str:
    """A symbolic size, if it is short enough for a column."""
    text = "unknown" if size is None else separated(str(size))
    return text if len(text) <= 16 else "unknown"


def separated(text: str) -> str:
    """The numbers in an expression with thousands separators: `time * 2,048`."""
    return re.sub(r"\b\d{4,}\b", lambda number: f"{int(number[0]):,}", text)
