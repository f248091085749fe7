"""Sequences of different lengths to arrays of one length, with the terms of Keras's
`pad_sequences`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelspec.compiler.spec.data_section import Pad
from modelspec.core.diagnostics import Fault

from .table import Array, Table


def is_ragged(values: Array) -> bool:
    """Whether an array contains lists rather than single values."""
    return (
        values.dtype.kind == "O"
        and values.ndim == 1
        and len(values) > 0
        and not isinstance(values[0], str)
    )


def lengths(values: Array) -> Array:
    """The length of each example's sequence."""
    if is_ragged(values):
        return np.array([len(item) if np.ndim(item) else 0 for item in values], np.int64)
    return np.full(len(values), values.shape[1] if values.ndim > 1 else 0, np.int64)


def stacked(values: Array, name: str, table: Table, start: int) -> Array:
    """Lists of one length as an array. Raises `Fault` (MS630) at the first list of another
    length.
    """
    arrays = [np.asarray(item) for item in values]
    shape = arrays[0].shape
    for row, item in enumerate(arrays):
        if item.shape != shape:
            raise Fault(
                "MS630",
                f"`{name}` of {table.name} has lists of different lengths:"
                f" {shape[0] if shape else 0} values at {table.place(name, (start,))}, but"
                f" {item.shape[0] if item.shape else 0} at {table.place(name, (start + row,))}",
                help="set a common length, e.g. `pad: {length: 100}`",
            )
    return _own(np.stack(arrays))


def padded(values: Array, pad: Pad, length: int, name: str, table: Table, start: int) -> Array:
    """Every sequence truncated or padded to `length`. Raises `Fault` (MS630) for a non-sequence."""
    rows = _sequences(values, name, table, start)
    full = [item for item in rows if len(item)]
    sample = full[0] if full else np.zeros(0)
    text = sample.dtype.kind in "OUS"
    filler = "" if text and pad.value == 0 else pad.value
    if text != isinstance(filler, str):
        what, instead = ("words", '""') if text else ("numbers", "0")
        raise Fault(
            "MS630",
            f"`{name}` of {table.name} contains {what}, which cannot be padded with {pad.value!r}",
            help=f"set `value: {instead}`",
        )
    dtype = object if text else _number_dtype(full, pad)
    result = np.full((len(rows), length, *sample.shape[1:]), filler, dtype)
    for row, item in enumerate(rows):
        _place(item, result[row], pad)
    return result


def _place(sequence: Array, row: Array, pad: Pad) -> None:
    """Writes as much of a sequence as fits, at the end that `pad` sets."""
    kept = sequence[-len(row) :] if pad.truncating == "pre" else sequence[: len(row)]
    if len(kept):
        place = slice(len(row) - len(kept), None) if pad.padding == "pre" else slice(len(kept))
        row[place] = kept


def _sequences(values: Array, name: str, table: Table, start: int) -> list[Array]:
    """The sequence of each example. Raises `Fault` (MS630) for an example without one."""
    if not is_ragged(values) and values.ndim < 2:
        raise Fault(
            "MS630",
            f"`{name}` of {table.name} has one value per example, but `pad` requires sequences",
            help="remove `pad`",
        )
    rows = [np.asarray(item) for item in values]
    for row, item in enumerate(rows):
        if item.ndim != 1 and not (item.ndim > 1 and item.shape[1:] == rows[0].shape[1:]):
            raise Fault(
                "MS630",
                f"`{name}` of {table.name} has no list at {table.place(name, (start + row,))}",
                help="`pad` requires lists of numbers or strings",
            )
    return rows


def _number_dtype(full: list[Array], pad: Pad) -> np.dtype[Any]:
    """The dtype that holds the numbers of all sequences and the padding value."""
    dtype: np.dtype[Any] = np.result_type(
        *({item.dtype for item in full} or {np.dtype(np.float64)})
    )
    if isinstance(pad.value, float) and not pad.value.is_integer():
        return np.result_type(dtype, np.float64)
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= pad.value <= np.iinfo(dtype).max:
        return np.result_type(dtype, np.min_scalar_type(int(pad.value)))
    return dtype


def _own(values: Array) -> Array:
    return values.astype(object) if values.dtype.kind in "US" else values


def steps_of(kept: Array, length: int, pad: Pad) -> Array:
    """Which of `length` steps are real, given their number."""
    places = np.arange(length)
    kept = np.minimum(kept, length)[..., None]
    found: Array = places >= length - kept if pad.padding == "pre" else places < kept
    return found
