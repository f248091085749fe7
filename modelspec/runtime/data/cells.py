"""The cells of a column as numbers or text, and which of them are missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .table import NOTHING, Array

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none")
"""What a cell without a value holds where numbers are taken, in lower case."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_EXACT = 2**53
"""float64 holds every whole number up to this one."""


class Cells(NamedTuple):
    """A part of a column, made ready."""

    values: Array
    """Numbers, or texts as an array of `str` objects."""
    missing: Array | None
    """Where there is no value; None: nowhere."""


class Numbers(NamedTuple):
    """Texts as the numbers that they say, all of one shape."""

    values: Array
    """float64, or int64 or uint64 where that would lose digits of whole numbers; `NOTHING` where
    there is no number.
    """
    missing: Array
    """Where there is no value."""
    bad: Array
    """Where a text is no number."""
    whole: Array
    """Where a number is written as a whole one: `7`, neither `7.0` nor `7e0`."""
    lost: Array
    """Where a whole number is so large that `values` holds another one."""


def is_text(values: Array) -> bool:
    """Whether an array holds text."""
    return values.dtype.kind in "OUS"


def ready(values: Array, text: bool) -> Cells:
    """Cells as numbers, NaN where there are none, or as text, `""` where there is none."""
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
    """Texts as numbers where nothing says that they are written in another way."""
    cells = [str(cell).strip() for cell in texts.flat]
    found = numbers_of([None if cell.lower() in MISSING else cell for cell in cells])
    return Numbers(*(one.reshape(texts.shape) for one in found))


def reads_as_number(cell: str) -> bool:
    """Whether Python reads a number, and people would; they do not mean one with `1_000`."""
    return _number(cell) is not None


def numbers_of(cells: Sequence[str | None]) -> Numbers:
    """Cells with a decimal point and nothing between thousands; None: a cell without a value."""
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
    """Whether a float is the whole number of a cell."""
    return abs(number) < _EXACT or (np.isfinite(number) and int(number) == int(cell))


def inexact(values: Array, bits: int) -> Array | None:
    """Which whole numbers a float with a mantissa of so many bits does not hold; None: it holds
    all. Fractions are rounded, and never among them.
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
    """Whole numbers of 64 bits; None where one has more."""
    numbers = [int(cell) for cell in cells if cell is not None]
    for dtype in (np.int64, np.uint64):
        limits = np.iinfo(dtype)
        if limits.min <= min(numbers) and max(numbers) <= limits.max:
            return np.array(numbers, dtype)
    return None
