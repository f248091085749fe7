"""What functions compute with: types of tensors and plain numbers, and how their dtypes combine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import FLOATS, INTS, is_float, is_integer, promote
from modelspec.core.shapes import Shape, Tensor

from .tree import Constant

Operand: TypeAlias = Tensor | Constant

DTYPES: Final = ("bool", *(dtype for dtype in INTS if dtype != "uint64"), *FLOATS)
"""What a formula computes with. Keras makes `uint32` of `uint64` in some operations and not in
others.
"""
_LARGEST: Final = {"float16": 65504.0, "bfloat16": 3.39e38, "float32": 3.4e38}


def shape(x: Operand) -> Shape:
    return x.shape if isinstance(x, Tensor) else ()


def combine(operands: Iterable[Operand]) -> str:
    """The dtype that an operation works in. A plain number takes on the tensors' dtype where it
    can.

    As Keras's `backend.result_type`, where a Python number counts less than any tensor.
    Raises `Fault` (MS145) where a number does not fit into that dtype.
    """
    found = tuple(operands)
    numbers = [x for x in found if isinstance(x, Constant)]
    dtype = _with_numbers([x.dtype for x in found if isinstance(x, Tensor)], numbers)
    for number in numbers:
        check_fits(number, dtype)
    return dtype


def _with_numbers(strong: list[str], numbers: list[Constant]) -> str:
    """The dtype of tensors, widened where a number needs it."""
    dtype = promote(strong) if strong else "int32"
    assert dtype is not None  # strings are refused where their names are read
    if any(isinstance(one.value, float) for one in numbers):
        return dtype if strong and is_float(dtype) else "float32"
    return "int32" if numbers and dtype == "bool" else dtype


def check_fits(x: Constant, dtype: str) -> None:
    """Raises MS145 where a number is none of the dtype."""
    if is_integer(dtype):
        bits = int(dtype.lstrip("uint"))
        low, high = (0, 2**bits) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        fits = low <= x.value < high
    else:
        fits = abs(x.value) <= _LARGEST.get(dtype, float("inf"))
    if not fits:
        raise Fault(
            "MS145",
            f"`{x.value:g}` does not fit into {dtype}, which the tensor beside it has",
            part=x.place,
            help="cast the tensor first: `cast(x, 'float32')`",
        )


def floating(dtype: str) -> str:
    """The dtype that a function works in which takes integers for floating-point numbers."""
    return dtype if is_float(dtype) else "float32"


def need_numbers(function: str, dtype: str) -> None:
    """Raises MS404 for booleans, which TensorFlow does not calculate with."""
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
