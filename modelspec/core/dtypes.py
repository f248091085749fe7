"""Dtypes and dtype policies with their names in Keras, and dtype promotion."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from functools import cache

FLOATS = ("bfloat16", "float16", "float32", "float64")
INTS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
DTYPES = ("bool", *INTS, *FLOATS, "string", "complex64", "complex128")
POLICIES = (
    *FLOATS,
    "mixed_float16",
    "mixed_bfloat16",
    *(name for name in INTS if name != "int8"),
    "bool",
    "string",
    "complex64",
    "complex128",
)
"""The names that the `dtype` of a layer takes. Keras reads `int8` as a quantization mode and does
not accept it alone.
"""

# Which dtypes each one widens to in one step, as Keras combines them (the order of
# https://jax.readthedocs.io/en/latest/type_promotion.html, which Keras follows on every backend).
_WIDENS_TO: dict[str, tuple[str, ...]] = {
    "bool": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("bfloat16", "float16"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64",),
    "float64": (),
}


@cache
def compute_dtype(policy: str | None) -> str:
    """The compute dtype of the policy: `float16` for `mixed_float16`."""
    policy = policy or "float32"
    return policy.removeprefix("mixed_")


@cache
def variable_dtype(policy: str | None) -> str:
    """The variable dtype of the policy: `float32` for `mixed_float16`."""
    policy = policy or "float32"
    return "float32" if policy.startswith("mixed_") else policy


@cache
def bytes_each(dtype: str) -> int:
    """The bytes of one number of the dtype."""
    bits = "".join(character for character in dtype if character.isdigit())
    return int(bits) // 8 if bits else 1


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def is_integer(dtype: str) -> bool:
    return dtype in INTS


@cache
def _reachable(dtype: str) -> frozenset[str]:
    return frozenset({dtype}).union(*(_reachable(wider) for wider in _WIDENS_TO[dtype]))


def promote(dtypes: Iterable[str]) -> str | None:
    """The result dtype of an operation on tensors of these dtypes; None where they cannot be
    combined (a string).

    The smallest dtype that all of them widen to, as in Keras's `backend.result_type`.
    """
    different = tuple(dict.fromkeys(dtypes))
    if "uint64" in different and all(dtype in _WIDENS_TO for dtype in different):
        return _with_uint64(different)
    if len(different) == 1:
        return different[0]
    if any(dtype not in _WIDENS_TO for dtype in different):
        return None
    common = frozenset.intersection(*(_reachable(dtype) for dtype in different))
    return max(common, key=lambda dtype: len(_reachable(dtype)))


def _with_uint64(different: tuple[str, ...]) -> str | None:
    """Keras on TensorFlow treats `uint64` as `uint32`, and as float32 with signed integers."""
    if floats := [dtype for dtype in different if is_float(dtype)]:
        return promote(floats)
    if any(dtype.startswith("int") for dtype in different):
        return "float32"
    return promote("uint32" if dtype == "uint64" else dtype for dtype in different)


def rounded(value: float, dtype: str) -> float:
    """The number of the floating-point dtype that is nearest to the value, ties to even."""
    if dtype == "float16":
        try:
            return float(struct.unpack("e", struct.pack("e", value))[0])
        except OverflowError:
            return math.copysign(math.inf, value)
    if dtype == "bfloat16":
        (bits,) = struct.unpack("I", struct.pack("f", value))
        bits += 0x7FFF + (bits >> 16 & 1)
        return float(struct.unpack("f", struct.pack("I", bits & 0xFFFF0000))[0])
    if dtype == "float32":
        return float(struct.unpack("f", struct.pack("f", value))[0])
    return value
