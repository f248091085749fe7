"""Arithmetic and functions of a condition on rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from modelspec.compiler.spec.times import read_number

from .row_values import Unread, Vector, each, is_text, joined
from .table import Array

_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "//": np.floor_divide,
    "%": np.remainder,
    "**": np.power,
}
_STAY_WHOLE: Final = ("+", "-", "*")


def of_numbers(sign: str, left: Vector, right: Vector) -> Vector:
    """Combines two numbers to one, for every row."""
    sides = [np.asarray(one.values) for one in (left, right)]
    if not (sign in _STAY_WHOLE and _fits(sign, *sides)):
        sides = [one.astype(np.float64) for one in sides]
    else:
        sides = [one.astype(np.int64) for one in sides]
    return _checked(_ARITHMETIC[sign](*sides), joined(left, right))


def _fits(sign: str, left: Array, right: Array) -> bool:
    """Whether the result of integers fits into 64 bits, whatever rows follow."""
    if any(one.dtype.kind not in "biu" for one in (left, right)):
        return False
    one, other = (max((abs(int(x)) for x in _ends(side)), default=0) for side in (left, right))
    return max(one * other if sign == "*" else one + other, one, other) < 2**63


def _ends(values: Array) -> tuple[Any, ...]:
    return (values.min(), values.max()) if values.size else ()


def _checked(values: Array, missing: Array | None) -> Vector:
    """A non-finite result, as of a division by zero, is missing."""
    if values.dtype.kind != "f":
        return Vector(values, missing)
    lacking = ~np.isfinite(values)
    if not lacking.any():
        return Vector(values, missing)
    return Vector(values, lacking if missing is None else lacking | missing)


def _numbers(function: Callable[[Array], Array]) -> Callable[[Vector], Vector]:
    def call(value: Vector) -> Vector:
        return Vector(function(np.asarray(value.values)), value.missing)

    return call


def _round(value: Vector, digits: Vector | None = None) -> Vector:
    if digits is None:
        return Vector(np.rint(np.asarray(value.values, np.float64)), value.missing)
    return _plain(each(lambda one: round(one, digits.values), value))


def _plain(found: Vector) -> Vector:
    """Python's numbers as an array."""
    if not isinstance(found.values, list):
        return found
    filled = [0 if one is None else one for one in found.values]
    return Vector(np.array(filled) if filled else np.zeros(0), found.missing)


def _length(value: Vector) -> Vector:
    return _plain(each(len, value))


def _text(value: Vector) -> Vector:
    found = each(str, value)
    if not isinstance(found.values, list):
        return found
    texts = np.array(["" if one is None else one for one in found.values], object)
    return Vector(texts, found.missing)


def _number(value: Vector) -> Vector:
    """Numbers unchanged, strings as the numbers they contain. Raises `Unread`."""
    if is_text(value):
        cells = np.atleast_1d(np.asarray(value.values, object))
        lacking = value.lacking(len(cells))
        found = [
            0 if lacks else read_number(str(cell).strip())
            for cell, lacks in zip(cells, lacking, strict=True)
        ]
        if None in found:
            row = found.index(None)
            raise Unread(f'"{cells[row]}"', row, "is not a number")
        values = np.array(found) if found else np.zeros(0)
        return Vector(values if isinstance(value.values, np.ndarray) else values[0], value.missing)
    return value


def _int(value: Vector) -> Vector:
    found = _number(value)
    values = np.asarray(found.values)
    if values.dtype.kind == "f":
        values = np.trunc(np.where(False if found.missing is None else found.missing, 0, values))
        if np.all(np.abs(values) < 2**63):
            values = values.astype(np.int64)
    return Vector(values, found.missing)


def _float(value: Vector) -> Vector:
    found = _number(value)
    return Vector(np.asarray(found.values, np.float64), found.missing)


def _of_many(function: Callable[[Any, Any], Any]) -> Callable[..., Vector]:
    def call(*values: Vector) -> Vector:
        found = values[0].values
        for one in values[1:]:
            found = function(found, one.values)
        return Vector(found, joined(*values))

    return call


FUNCTIONS: Final[Mapping[str, Callable[..., Vector]]] = {
    "abs": _numbers(np.abs),
    "floor": _numbers(np.floor),
    "ceil": _numbers(np.ceil),
    "round": _round,
    "int": _int,
    "float": _float,
    "str": _text,
    "len": _length,
    "min": _of_many(np.minimum),
    "max": _of_many(np.maximum),
}
"""The functions of `row_syntax.FUNCTIONS`."""
