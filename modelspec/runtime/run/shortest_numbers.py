"""Floating-point numbers with the fewest digits that restore them exactly, many at a time.

`str` of a NumPy number is slow. The float64 that is nearest to these digits has the same ones, and
Python writes it quickly: so a column of float32 becomes one of such float64 numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.table import Array

_DIGITS = (6, 7, 8, 9)
"""Every number of 6 digits is a different float32, so that a shorter one is found with 6; 9 digits
restore every float32.
"""
_SMALLEST, _LARGEST = 1e-11, 1e21
"""The magnitudes for which the powers of ten below are exact in float64."""
_POWERS = np.array([10.0**power for power in range(23)])
_NEAR_HALF = 1e-6
"""Digits so close to the middle of two numbers are left to NumPy."""


_SAME_FORM = (2e-4, 9e4)
"""The magnitudes that NumPy and Python write in the same form, without an exponent."""


def shortest(values: Array) -> list[Any]:
    """The cells of a column of text: a number in the form of NumPy, with the fewest digits that
    restore it; each is a `float` whose `str` is this form, or the string itself.
    """
    floats = values.dtype.kind == "f"
    cells: list[Any] = (shortest_float64(values) if floats else values).tolist()
    if not floats or values.dtype == np.float64:
        return cells
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        same = (size == 0) | ((size > _SAME_FORM[0]) & (size < _SAME_FORM[1]))
    for at in np.flatnonzero(~same).tolist():
        cells[at] = str(values[at])
    return cells


def shortest_float64(values: Array) -> Array:
    """Numbers whose `repr` is the `str` of these floating-point numbers, as float64 of the same
    shape.
    """
    if values.dtype == np.float64:
        return values
    flat = values.ravel()
    if values.dtype != np.float32:
        found = _one_by_one(flat)
    else:
        found = flat.astype(np.float64)
        left = _searched(flat, found)
        found[left] = _one_by_one(flat[left])
    return found.reshape(values.shape)


def _searched(flat: Array, found: Array) -> Array:
    """Replaces in `found` what vectorised arithmetic finds; returns the positions of the rest."""
    size = np.abs(found)
    with np.errstate(invalid="ignore"):
        usual = (size >= _SMALLEST) & (size < _LARGEST)
    left = np.flatnonzero(usual)
    others = [np.flatnonzero(~usual)]
    for digits in _DIGITS:
        if not len(left):
            break
        exact = found[left] if digits == _DIGITS[0] else flat[left].astype(np.float64)
        made, unsure = _rounded(exact, digits)
        fits = (made.astype(np.float32) == flat[left]) & ~unsure
        found[left[fits]] = made[fits]
        others.append(left[unsure])
        left = left[~fits & ~unsure]
    return np.concatenate([*others, left])


def _rounded(exact: Array, digits: int) -> tuple[Array, Array]:
    """Numbers rounded to so many significant digits, and for which of them the digits are not
    certain.

    An integer of up to 9 digits times or divided by a power of ten that is exact gives the nearest
    float64.
    """
    power = digits - 1 - np.floor(np.log10(np.abs(exact))).astype(np.int64)
    up, down = _POWERS[np.clip(power, 0, 22)], _POWERS[np.clip(-power, 0, 22)]
    scaled = exact * up / down
    whole = np.rint(scaled)
    unsure = np.abs(np.abs(scaled - whole) - 0.5) < _NEAR_HALF
    return whole * down / up, unsure | (np.abs(power) > 22)


def _one_by_one(flat: Array) -> Array:
    return np.array([float(str(value)) for value in flat], np.float64)
