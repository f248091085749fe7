"""Arrays to the shape and dtype that a model input takes, and the sizes that only the data
knows.
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
"""How many bits the mantissa of a floating-point dtype has: it holds every whole number up to 2 to
the power of that.
"""
_DIGITS = 1e21
"""From here on a message shows a power of ten."""


def arrange(values: Array, wanted: Shape, subject: str, name: str) -> Array:
    """The array (first axis the examples) with examples of the wanted shape. Raises `Fault`
    (MS610).
    """
    shape = match(values.shape[1:], wanted)
    if shape is None:
        raise Fault(
            "MS610",
            f"{name} has the shape {values.shape[1:]} for every example, "
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
            "its axes are in another order: transpose the array, or declare the input as the"
            " data is"
        )
    if len(found) == 1 and len(wanted) == 1 and isinstance(wanted[0], int):
        return f"declare the input as `[{found[0]}]`, or feed {wanted[0]} columns"
    return f"declare the input as `{list(found)}`, and `Reshape` it in the model" if found else None


def bind_sizes(
    values: Array, wanted: Shape, subject: str, bound: dict[str, tuple[int, str]]
) -> None:
    """Notes down what the named sizes of an input are. Raises `Fault` (MS622) where a name has two
    sizes.
    """
    for size, found in zip(wanted, values.shape[1:], strict=True):
        if not isinstance(size, str) or size == PENDING:
            continue
        known, where = bound.setdefault(size, (found, subject))
        if known != found:
            raise Fault(
                "MS622",
                f"`{size}` is {found} in the data of {subject}, but {known} in that of {where}",
                help="give the sizes different names where they may differ",
            )


def cast(values: Array, dtype: str, name: str, place: Callable[[Index], str]) -> Array:
    """The values in an input's dtype. Raises `Fault` (MS621) where one of them is not a value of
    it, as is a whole number that a floating-point dtype would change.

    `place` tells the place of a value in its source.
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
        expected = f"whole numbers from {limits.min} to {limits.max}"
    else:
        raise Fault("MS621", f"{name} holds numbers, which are no values of a `{dtype}` input")
    if np.any(bad):
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise Fault(
            "MS621",
            f"{name} is {number(values[index])} at {place(index)}, but `{dtype}` takes {expected}",
        )
    return values.astype(target)


def _out_of_range(values: Array, target: np.dtype[Any]) -> Array:
    """Which numbers an integer dtype does not hold."""
    limits = np.iinfo(target)
    if values.dtype.kind != "f":
        return (values < limits.min) | (values > limits.max)
    # The largest integer of 64 bits is no float; the one behind it is, and passes for it.
    bad = (values < float(limits.min)) | (values >= float(limits.max + 1))
    bad |= values != np.floor(values)
    return bad


def as_read(index: Index, arranged: Array, values: Array) -> Index:
    """The place of an entry of arranged values in the values as they were."""
    found = np.unravel_index(np.ravel_multi_index(index, arranged.shape), values.shape)
    return tuple(int(one) for one in found)


def _check_held(values: Array, dtype: str, name: str, place: Callable[[Index], str]) -> None:
    """Raises `Fault` (MS621) for a whole number that a floating-point dtype would change."""
    bad = inexact(values, PRECISION[dtype]) if values.dtype.kind in "iu" else None
    if bad is not None:
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise Fault(
            "MS621",
            f"{name} is {values[index]} at {place(index)}, which `{dtype}` does not hold exactly",
            help="give the input `dtype: float64`, or scale the numbers in a `transform`",
        )


def _cast_float(values: Array, dtype: str, name: str, place: Callable[[Index], str]) -> Array:
    target = (
        np.dtype(dtype) if dtype != "bfloat16" else np.dtype(np.float32)
    )  # same range; cast further as it is fed
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not (finite := np.isfinite(result)).all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise Fault(
            "MS621",
            f"{name} is {values[index]:g} at {place(index)}, past the range of `{dtype}`",
            help="scale the column down",
        )
    return result


def number(value: Any) -> str:
    """A number as a message shows it: `3` for 3.0."""
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    plain = float(value)
    return str(int(plain)) if plain.is_integer() and abs(plain) < _DIGITS else f"{plain:g}"


def resolved_shapes(arrays: Mapping[str, Array], shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The inputs' shapes (batch axis first) with every `auto` replaced by the size that the data
    has.

    Raises `Fault` (MS610), its path the input's name, where the data cannot be arranged so.
    """
    found: dict[str, Shape] = {}
    for name, shape in shapes.items():
        found[name] = shape
        if PENDING in shape and name in arrays:
            sizes = match(arrays[name].shape[1:], shape[1:])
            if sizes is None:
                raise Fault(
                    "MS610",
                    f"the data of input `{name}` has the shape {arrays[name].shape[1:]} for every "
                    f"example, but it takes {_shape(shape[1:])}",
                    (name,),
                )
            known = zip(shape[1:], sizes, strict=True)
            found[name] = (shape[0], *(new if size == PENDING else size for size, new in known))
    return found
