"""Converts arrays to the shape and dtype of a model input, and finds the sizes that only the data
determines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelspec.compiler.spec.arrangement import Sizes, match
from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import FLOATS, is_integer
from modelspec.core.shapes import PENDING, Shape, show

from .cells import inexact
from .table import Array

Index = tuple[int, ...]
PRECISION = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
"""The bits in the mantissa of each floating-point dtype: it represents every integer up to 2 to
that power.
"""
_DIGITS = 1e21
"""Messages show numbers from this one on with an exponent."""


def arrange(values: Array, wanted: Shape, subject: str, name: str) -> Array:
    """The array (the first axis is the examples) with examples of the wanted shape. Raises `Fault`
    (MS610).
    """
    shape = match(values.shape[1:], wanted)
    if shape is None:
        raise Fault(
            "MS610",
            f"{name} has the shape {values.shape[1:]} per example, "
            f"but {subject} takes {_shape(wanted)}",
            help=_help(values.shape[1:], wanted),
        )
    return values.reshape(len(values), *(int(size) for size in shape if size is not None))


def _shape(wanted: Shape) -> str:
    return show((None, *wanted)).replace("(batch, ", "(").replace("(batch)", "()")


def _help(found: Sizes, wanted: Shape) -> str | None:
    if len(found) == len(wanted) and sorted(found) == sorted(
        size for size in wanted if isinstance(size, int)
    ):
        return (
            "the order of its axes differs: transpose the array, or declare the input with the"
            " shape of the data"
        )
    if len(found) == 1 and len(wanted) == 1 and isinstance(wanted[0], int):
        return f"declare the input as `[{found[0]}]`, or feed {wanted[0]} columns"
    return f"declare the input as `{list(found)}`, and `Reshape` it in the model" if found else None


def bind_sizes(
    values: Array, wanted: Shape, subject: str, bound: dict[str, tuple[int, str]]
) -> None:
    """Records the named sizes of an input. Raises `Fault` (MS622) where a name has two sizes."""
    for size, found in zip(wanted, values.shape[1:], strict=True):
        if not isinstance(size, str) or size == PENDING:
            continue
        known, where = bound.setdefault(size, (found, subject))
        if known != found:
            raise Fault(
                "MS622",
                f"`{size}` is {found} in the data of {subject}, but {known} in the data of {where}",
                help="give the sizes different names if they may differ",
            )


def cast(values: Array, dtype: str, name: str, place: Callable[[Index], str]) -> Array:
    """The values in the dtype of an input. Raises `Fault` (MS621) where the dtype cannot represent
    a value, or would change an integer.

    `place` returns the place of a value in its source.
    """
    if dtype == "string":
        return values.astype(object)
    if dtype in FLOATS:
        _check_held(values, dtype, name, place)
        return _cast_float(values, dtype, name, place)
    target = np.dtype(dtype)
    if dtype == "bool":
        bad = (values != 0) & (values != 1)
        expected = "0 and 1"
    elif is_integer(dtype):
        bad = _out_of_range(values, target)
        limits = np.iinfo(target)
        expected = f"integers from {limits.min} to {limits.max}"
    else:
        raise Fault("MS621", f"{name} contains numbers, but the dtype of the input is `{dtype}`")
    if np.any(bad):
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise Fault(
            "MS621",
            f"{name} is {number(values[index])} at {place(index)}, but `{dtype}` takes {expected}",
        )
    return values.astype(target)


def _out_of_range(values: Array, target: np.dtype[Any]) -> Array:
    """Which numbers an integer dtype cannot represent."""
    limits = np.iinfo(target)
    if values.dtype.kind != "f":
        return (values < limits.min) | (values > limits.max)
    # The largest 64-bit integer is not a float; the next integer is, and replaces it here.
    bad = (values < float(limits.min)) | (values >= float(limits.max + 1))
    bad |= values != np.floor(values)
    return bad


def as_read(index: Index, arranged: Array, values: Array) -> Index:
    """The index in the original values of an entry of the arranged values."""
    found = np.unravel_index(np.ravel_multi_index(index, arranged.shape), values.shape)
    return tuple(int(one) for one in found)


def _check_held(values: Array, dtype: str, name: str, place: Callable[[Index], str]) -> None:
    """Raises `Fault` (MS621) for an integer that a floating-point dtype would change."""
    bad = inexact(values, PRECISION[dtype]) if values.dtype.kind in "iu" else None
    if bad is not None:
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise Fault(
            "MS621",
            f"{name} is {values[index]} at {place(index)}, which `{dtype}` cannot represent"
            " exactly",
            help="set `dtype: float64` on the input, or scale the numbers in a `transform`",
        )


def _cast_float(values: Array, dtype: str, name: str, place: Callable[[Index], str]) -> Array:
    target = (
        np.dtype(dtype) if dtype != "bfloat16" else np.dtype(np.float32)
    )  # same range; cast to bfloat16 when it is fed
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not (finite := np.isfinite(result)).all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise Fault(
            "MS621",
            f"{name} is {values[index]:g} at {place(index)}, outside the range of `{dtype}`",
            help="scale the column down",
        )
    return result


def number(value: Any) -> str:
    """A number as messages show it: `3` for 3.0."""
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    plain = float(value)
    return str(int(plain)) if plain.is_integer() and abs(plain) < _DIGITS else f"{plain:g}"


def resolved_shapes(arrays: Mapping[str, Array], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes of the inputs (batch axis first) with every `auto` replaced by the size in the
    data.

    Raises `Fault` (MS610), with the name of the input as its path, where the data does not fit.
    """
    found: dict[str, Shape] = {}
    for name, shape in shapes.items():
        found[name] = shape
        if PENDING in shape and name in arrays:
            sizes = match(arrays[name].shape[1:], shape[1:])
            if sizes is None:
                raise Fault(
                    "MS610",
                    f"the data of input `{name}` has the shape {arrays[name].shape[1:]} per "
                    f"example, but the input takes {_shape(shape[1:])}",
                    (name,),
                )
            known = zip(shape[1:], sizes, strict=True)
            found[name] = (shape[0], *(new if size == PENDING else size for size, new in known))
    return found
