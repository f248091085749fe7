"""The operands of functions: types of tensors and Python numbers, and dtype promotion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import FLOATS, INTS, is_float, is_integer, promote
from modelspec.core.shapes import Shape, Tensor

from .tree import Constant

Operand: TypeAlias = Tensor | Constant

DTYPES: Final = ("bool", *(dtype for dtype in INTS if dtype != "uint64"), *FLOATS)
"""The dtypes that formulas support. Keras converts `uint64` to `uint32` in some operations but not
in others.
"""
_LARGEST: Final = {"float16": 65504.0, "bfloat16": 3.39e38, "float32": 3.4e38}


def shape(x: Operand) -> Shape:
    return x.shape if isinstance(x, Tensor) else ()


def combine(operands: Iterable[Operand]) -> str:
    """The dtype of an operation. A Python number takes the dtype of the tensors if possible.

    Like Keras's `backend.result_type`, in which a Python number has lower priority than any tensor.
    Raises `Fault` (MS145) if a number does not fit into that dtype.
    """
    found = tuple(operands)
    numbers = [x for x in found if isinstance(x, Constant)]
    dtype = _with_numbers([x.dtype for x in found if isinstance(x, Tensor)], numbers)
    for number in numbers:
        check_fits(number, dtype)
    return dtype


def _with_numbers(strong: list[str], numbers: list[Constant]) -> str:
    """The dtype of tensors, widened if a number requires it."""
    dtype = promote(strong) if strong else "int32"
    assert dtype is not None  # strings are refused when their names are read
    if any(isinstance(one.value, float) for one in numbers):
        return dtype if strong and is_float(dtype) else "float32"
    return "int32" if numbers and dtype == "bool" else dtype


def check_fits(x: Constant, dtype: str) -> None:
    """Raises MS145 if a number does not fit into the dtype."""
    if is_integer(dtype):
        bits = int(dtype.lstrip("uint"))
        low, high = (0, 2**bits) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        fits = low <= x.value < high
    else:
        fits = abs(x.value) <= _LARGEST.get(dtype, float("inf"))
    if not fits:
        raise Fault(
            "MS145",
            f"`{x.value:g}` does not fit into {dtype}, the dtype of the other operand",
            part=x.place,
            help="cast the tensor first: `cast(x, 'float32')`",
        )


def floating(dtype: str) -> str:
    """The dtype of a function that converts integers to floating point."""
    return dtype if is_float(dtype) else "float32"


def need_numbers(function: str, dtype: str) -> None:
    """Raises MS404 for booleans, which TensorFlow does not support in arithmetic."""
    if dtype == "bool":
        raise Fault(
            "MS404",
            f"`{function}` takes numbers, found booleans",
            help="cast them first: `cast(x, 'float32')`",
        )


def need_floats(function: str, x: Tensor) -> None:
    """Raises MS404 for integers and booleans."""
    if not is_float(x.dtype):
        raise Fault(
            "MS404",
            f"`{function}` takes floating-point numbers, found {x.dtype}",
            help="cast them first: `cast(x, 'float32')`",
        )
