"""The cells of a column as numbers or text, and which of them are missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .table import NOTHING, Array

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none")
"""The contents of cells without a value where numbers are expected, in lower case."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_EXACT = 2**53
"""float64 represents every integer up to this one."""


class Cells(NamedTuple):
    """A part of a column, converted."""

    values: Array
    """Numbers, or strings as an array of `str` objects."""
    missing: Array | None
    """Where a value is missing; None: nowhere."""


class Numbers(NamedTuple):
    """Strings converted to numbers; all arrays have the same shape."""

    values: Array
    """float64, or int64 or uint64 where float64 would lose digits of integers; `NOTHING` where
    there is no number.
    """
    missing: Array
    """Where a value is missing."""
    bad: Array
    """Where a string is not a number."""
    whole: Array
    """Where a number is written as an integer: `7`, but not `7.0` or `7e0`."""
    lost: Array
    """Where an integer is too large to be exact in `values`."""


def is_text(values: Array) -> bool:
    """Whether an array contains text."""
    return values.dtype.kind in "OUS"


def ready(values: Array, text: bool) -> Cells:
    """Cells as numbers, with NaN for missing ones, or as text, with `""` for missing ones."""
    if text:
        texts = _texts(values)
        missing: Array = np.asarray(texts == "")
        return Cells(texts, missing if missing.any() else None)
    if values.dtype.kind == "O":
        values = plain_numbers(values).values
    if values.dtype.kind != "f":
        return Cells(values, None)
    missing = np.isnan(values)
    return Cells(values, missing if missing.any() else None)


def _texts(values: Array) -> Array:
    if values.dtype.kind == "O":
        return values
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    return values.astype(object)


def plain_numbers(texts: Array) -> Numbers:
    """Strings as numbers in the default format."""
    cells = [str(cell).strip() for cell in texts.flat]
    found = numbers_of([None if cell.lower() in MISSING else cell for cell in cells])
    return Numbers(*(one.reshape(texts.shape) for one in found))


def reads_as_number(cell: str) -> bool:
    """Whether a cell is a number for Python, other than one with underscores (`1_000`)."""
    return _number(cell) is not None


def numbers_of(cells: Sequence[str | None]) -> Numbers:
    """Cells with a decimal point and no thousands separator; None: a cell without a value."""
    values = np.full(len(cells), NOTHING)
    missing, bad, whole, lost = (np.zeros(len(cells), bool) for _ in range(4))
    for index, cell in enumerate(cells):
        number = None if cell is None else _number(cell)
        if cell is None:
            missing[index] = True
        elif number is None:
            bad[index] = True
        else:
            values[index] = number
            whole[index] = _WHOLE.fullmatch(cell) is not None
            lost[index] = whole[index] and not _holds(number, cell)
    if lost.any() and whole.all() and (exact := _exactly(cells)) is not None:
        values, lost = exact, np.zeros(len(cells), bool)
    return Numbers(values, missing, bad, whole, lost)


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _holds(number: float, cell: str) -> bool:
    """Whether a float equals the integer in a cell."""
    return abs(number) < _EXACT or (np.isfinite(number) and int(number) == int(cell))


def inexact(values: Array, bits: int) -> Array | None:
    """Which integers a float with a mantissa of `bits` bits cannot represent; None: it represents
    all. Fractions may be rounded, and are never among them.
    """
    limit = 2**bits
    if values.dtype.kind == "f":
        bad = np.abs(values) > limit
        if not bad.any():
            return None
        bad &= np.isfinite(values) & (values == np.floor(values))
        scaled = np.frexp(values[bad])[0] * limit
        bad[bad] = scaled != np.floor(scaled)
    else:
        small = values.dtype.kind == "b" or np.iinfo(values.dtype).max <= limit
        if small or not values.size or (values.min() >= -limit and values.max() <= limit):
            return None
        size = np.abs(values).astype(np.uint64)  # of the least int64 too: it wraps twice
        lowest = np.maximum(size & (~size + np.uint64(1)), 1)
        bad = size // lowest >= limit
    return bad if bad.any() else None


def _exactly(cells: Sequence[str | None]) -> Array | None:
    """The integers in 64 bits; None where one requires more."""
    numbers = [int(cell) for cell in cells if cell is not None]
    for dtype in (np.int64, np.uint64):
        limits = np.iinfo(dtype)
        if limits.min <= min(numbers) and max(numbers) <= limits.max:
            return np.array(numbers, dtype)
    return None
