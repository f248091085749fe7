"""Weight files by extension: HDF5, HDF5 inside a `.keras` archive, safetensors. Nothing is written
to disk.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..hdf5.entry import Array, Entry, broken, from_bfloat16, refused
from ..hdf5.process import Tree, opened_apart

_MAX_HEADER = 100_000_000
"""Bytes of a safetensors header, as in the format's own implementation."""
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


@contextmanager
def opened(path: Path, shown: str) -> Iterator[Tree | dict[str, Entry]]:
    """A weight file: the tree of an HDF5 file, or the arrays of a safetensors file by name.

    Raises `RunError`: MS750 if it cannot be read, MS751 if it uses features that no weight file
    needs.
    """
    try:
        with path.open("rb") as file:
            if not path.is_file():
                raise broken(shown, "it is not an ordinary file")
            if path.name.lower().endswith(".safetensors"):
                yield _safetensors(file, shown)
            else:
                with opened_apart(path, shown) as tree:
                    yield tree
    except OSError as error:
        raise broken(shown, error.strerror or str(error)) from None


# safetensors --------------------------------------------------------------------------------------


def _safetensors(file: IO[bytes], shown: str) -> dict[str, Entry]:
    """The arrays of a safetensors file: a header of JSON, then raw numbers.

    Source: the format's description in its repository (8 bytes of length, header, byte buffer).
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _MAX_HEADER):
        raise broken(
            shown,
            "its header is longer than the file: it is not a safetensors file, or it is damaged",
        )
    try:
        header = json.loads(file.read(length))
        items = [(name, item) for name, item in header.items() if name != "__metadata__"]
        return {name: _tensor(file, name, item, 8 + length, size, shown) for name, item in items}
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise broken(shown, f"its header is damaged ({type(error).__name__})") from None


def _tensor(file: IO[bytes], name: str, item: Any, start: int, size: int, shown: str) -> Entry:
    dtype, shape = np.dtype(_DTYPES[item["dtype"]]), tuple(item["shape"])
    begin, end = item["data_offsets"]
    if not all(type(one) is int and one >= 0 for one in (*shape, begin, end)):
        raise ValueError(name)
    claimed = math.prod(shape) * dtype.itemsize
    if end - begin != claimed or start + end > size:
        raise refused(
            shown, f"`{name}` claims {claimed:,} bytes, but {max(0, end - begin):,} are stored"
        )

    def read() -> Array:
        file.seek(start + begin)
        values = np.frombuffer(file.read(end - begin), dtype).reshape(shape)
        return from_bfloat16(values) if item["dtype"] == "BF16" else values

    return Entry(name, shape, read)
