"""The inputs of a served model: one per column, under names that every format accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelspec.compiler.spec.number_format import NumberFormat

from ..data.cells import ready
from ..data.sequences import is_ragged
from ..data.table import Array, Table
from ..data.written_numbers import read_numbers

WIDE = 64
"""A vector of more columns than this is a single input."""
Sizes = tuple[int | None, ...]


@dataclass(frozen=True)
class RawInput:
    """One input of a served model: a column, or the ordered columns of a wide vector."""

    name: str
    shape: Sizes
    """Without the batch axis; None for a size that depends on the rows."""
    dtype: str
    columns: tuple[str, ...]
    text: bool = False
    wide: bool = False
    """Whether several columns are side by side."""
    written: NumberFormat | None = None
    """The format of its numbers, if they are strings."""

    def of(self, columns: Mapping[str, Array], table: Table) -> Array:
        """Its values for rows with sequences of one length: NaN for a missing number, `""` for a
        missing string.
        """
        found = [cells(columns[name], self.text, table, self.written) for name in self.columns]
        values = np.stack(found, axis=-1) if self.wide else found[0]
        return values.astype(object if self.dtype == "string" else np.dtype(self.dtype))


def direct_column(name: str) -> str:
    """The column name in a batch for a model input that is not made from a column."""
    return f"{name} of the model"


def cells(values: Array, text: bool, table: Table, written: NumberFormat | None = None) -> Array:
    """A column as strings, or as numbers."""
    values = dense(values)
    if text or values.dtype.kind != "O":
        return ready(values, text).values
    return read_numbers(written, table, values).values


def dense(values: Array) -> Array:
    """Sequences of one length as an array with an axis for them."""
    if not is_ragged(values):
        return values
    stacked = np.stack([np.asarray(one) for one in values])
    return stacked.astype(object) if stacked.dtype.kind in "US" else stacked


class Naming:
    """Raw inputs by name."""

    def __init__(self) -> None:
        self.raw: dict[str, RawInput] = {}

    def add(self, wanted: RawInput, feature: str) -> str:
        """The assigned name: an existing one if the same column feeds two features in the same
        way.
        """
        name = identifier(wanted.name)
        if self._is_known(name, wanted):
            return name
        if name in self.raw:
            name = identifier(f"{wanted.name}_{feature}")
        while name in self.raw and not self._is_known(name, wanted):
            name += "_"
        self.raw[name] = replace(wanted, name=name)
        return name

    def _is_known(self, name: str, wanted: RawInput) -> bool:
        return name in self.raw and self.raw[name] == replace(wanted, name=name)


def identifier(text: str) -> str:
    """A name as an identifier of ASCII letters, digits and `_`."""
    found = re.sub(r"[^0-9A-Za-z_]", "_", text) or "_"
    return f"x{found}" if found[0].isdecimal() or found[0] == "_" else found


def identifiers(names: tuple[str, ...]) -> dict[str, str]:
    """A unique identifier for each name."""
    found: dict[str, str] = {}
    for name in names:
        new = identifier(name)
        while new in found.values():
            new += "_"
        found[name] = new
    return found
