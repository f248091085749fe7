"""The cells of a column as numbers or text, and which of them are missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .table import Array


class Cells(NamedTuple):
    """A part of a column, made ready."""

    values: Array
    """Numbers, or texts as an array of `str` objects."""
    missing: Array | None
    """Where there is no value; None: nowhere."""


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
        values = np.array([_number(str(cell)) for cell in values.flat], np.float64).reshape(
            values.shape
        )
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


def _number(cell: str) -> float:
    try:
        return float("nan") if "_" in cell else float(cell)
    except ValueError:
        return float("nan")
