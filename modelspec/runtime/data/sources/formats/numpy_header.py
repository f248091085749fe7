"""The description of the array in a NumPy file, read without its numbers."""

from __future__ import annotations

import zipfile
import zlib
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from modelspec.core.diagnostics import Fault
from modelspec.runtime.data.durations import check_unit

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)
"""The exceptions for a damaged archive, depending on the damage."""


_BROKEN_HEADER = (SyntaxError, TokenError, TypeError, LookupError, RecursionError, MemoryError)


def header_of(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis varies fastest, and dtype, of any array. Raises `ValueError`
    for a file that is not an array.
    """
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        return read(file)
    except _BROKEN_HEADER as error:  # the header is a literal of Python
        raise ValueError(f"its header is damaged ({type(error).__name__})") from None


def read_header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis varies fastest, and dtype. Raises `Fault` (MS606, MS653), and
    `ValueError` for a file that is not an array.
    """
    shape, fortran, dtype = header_of(file)
    if dtype.hasobject:
        raise Fault(
            "MS606",
            f"{what} contains Python objects, which are never loaded",
            help="save it with a number dtype, e.g. `numpy.stack(...)` of arrays of one shape",
        )
    if dtype.names is not None:
        raise Fault(
            "MS606",
            f"{what} is a structured array with the fields {', '.join(dtype.names)}",
            help="save every field as a separate array",
        )
    check_unit(dtype, what)
    return shape, fortran, dtype
