"""Cells of a table as the values of a condition on rows."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from modelspec.compiler.expand.row_types import Kind
from modelspec.compiler.spec.number_format import NumberFormat

from .cells import is_text, ready
from .row_values import Unread, Vector
from .sequences import is_ragged
from .table import Array, Table
from .written_numbers import read_numbers

_TRUTH: Final = {"true": True, "false": False, "1": True, "0": False}


def kind_of_dtype(dtype: np.dtype[Any]) -> Kind:
    """The kind of an array's values."""
    if dtype.kind == "b":
        return "truth"
    return "text" if dtype.kind in "OUSM" else "number"


def made_ready(
    name: str, values: Array, kind: Kind, table: Table, format: NumberFormat | None
) -> Vector:
    """A block of a column. Raises `Unread` (of the column) for a cell of another kind."""
    if values.ndim != 1 or is_ragged(values):
        raise _of_column(Unread("the array", 0, "is not one value per row"), name)
    if kind == "number" and is_text(values):
        return _numbers(name, values, table, format)
    if kind == "truth" and is_text(values):
        return _truth(name, values)
    if values.dtype.kind == "M":
        texts = np.datetime_as_string(values).astype(object)
        texts[np.isnat(values)] = ""
        values = texts
    return Vector(*ready(values, kind == "text"))


def _numbers(name: str, values: Array, table: Table, format: NumberFormat | None) -> Vector:
    found = read_numbers(format, table, values)
    if found.bad.any():
        row = int(np.argmax(found.bad))
        raise _of_column(Unread(f'"{values[row]}"', row, "is not a number"), name)
    return Vector(found.values, found.missing if found.missing.any() else None)


def _truth(name: str, values: Array) -> Vector:
    """`true` and `false`, in any letter case, and 1 and 0."""
    texts, missing = ready(values, True)
    known = [_TRUTH.get(str(cell).strip().lower()) for cell in texts]
    lacking = np.zeros(len(texts), bool) if missing is None else missing
    for row, one in enumerate(known):
        if one is None and not lacking[row]:
            why = "is compared with `true` or `false`, but is neither"
            raise _of_column(Unread(f'"{texts[row]}"', row, why), name)
    return Vector(np.array([one is True for one in known], bool), missing)


def _of_column(unread: Unread, name: str) -> Unread:
    unread.column = name
    return unread
