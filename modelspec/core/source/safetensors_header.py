"""The shapes of the tensors in a `.safetensors` file, read without NumPy and without their numbers.

The format is 8 bytes of length, a header of JSON, and the numbers
(https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Final

from .regular_files import require_regular

_MAX_HEADER: Final = 100_000_000
"""Bytes of a header, as in the format's own implementation."""
_BITS: Final = {
    **dict.fromkeys(("F64", "I64", "U64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL"), 8),
}
Shapes = Mapping[str, tuple[int, ...]]


def safetensors_shapes(path: Path) -> Shapes | None:
    """The shape of each tensor by its name; None for a file that cannot be read, or whose header
    does not agree with its bytes.
    """
    try:
        require_regular(path)
        found = path.stat()
    except OSError:
        return None
    return _shapes(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _shapes(path: Path, size: int, changed: int) -> Shapes | None:
    """Read once: a file that changes has another size or modification time."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _MAX_HEADER):
                return None
            header = json.loads(file.read(length))
        items = [(name, item) for name, item in header.items() if name != "__metadata__"]
        return {name: _shape(item, size - 8 - length) for name, item in items}
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return None


def _shape(item: Any, held: int) -> tuple[int, ...]:
    """The shape of a tensor. Raises `ValueError` if its bytes do not have this shape."""
    shape = tuple(item["shape"])
    begin, end = item["data_offsets"]
    if not all(type(one) is int and one >= 0 for one in (*shape, begin, end)):
        raise ValueError("sizes")
    if (end - begin) * 8 != prod(shape) * _BITS[item["dtype"]] or end > held:
        raise ValueError("bytes")
    return shape
