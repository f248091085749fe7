"""Tensors in a file of the safetensors format (https://huggingface.co/docs/safetensors), hashed
separately.

The format is a JSON header followed by the data. The library `safetensors` can read these files,
but is not used to write them:

- Its `save_file` does not sync the file to disk, replaces an existing file, and reports a full disk
  only as text, without `errno`. A commit has to know which operation failed, and why.
- Its `save` takes two more copies of all tensors in memory.
- Its reader for NumPy has no bfloat16 and no float8, which the weights of some runs are.
- Each tensor is hashed on its way to the disk and back, with no second pass over the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from modelspec.core.source.own_files import open_own

from .disk import Bytes, write_new

Array = NDArray[Any]

_CODES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_NAMES = {code: name for name, code in _CODES.items()}
_PIECE = 2**24
"""The number of bytes that are written or hashed at once."""
_TOGETHER = 2**16
"""Maximum bytes of a piece that is written together with others."""
_LONGEST_HEADER = 2**26


class Damaged(ValueError):
    """A file was changed after it was written. The message states the difference."""


@dataclass(frozen=True)
class Content:
    """The contents of a tensor file, to the byte."""

    size: int
    """Size of the whole file in bytes."""
    header: str
    """SHA-256 of the length and the header."""
    tensors: Mapping[str, str]
    """SHA-256 of each tensor's bytes."""


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> Content:
    """Writes a new file and syncs it to disk; returns its contents. Raises `OSError`, and
    `TypeError` for a dtype that the format does not have.
    """
    flat = {name: _bytes_of(array) for name, array in tensors.items()}
    header = _header(
        tuple((name, _code(array.dtype), array.shape) for name, array in tensors.items()),
        tuple(len(data) for data in flat.values()),
    )
    hashes: dict[str, str] = {}

    def pieces() -> Iterator[Bytes]:
        yield header
        for name, data in flat.items():
            running = hashlib.sha256()
            for start in range(0, len(data), _PIECE):
                piece = data[start : start + _PIECE]
                running.update(piece)
                yield piece
            hashes[name] = running.hexdigest()

    write_new(path, _joined(pieces()))
    size = len(header) + sum(len(data) for data in flat.values())
    return Content(size, hashlib.sha256(header).hexdigest(), hashes)


def _bytes_of(array: Array) -> Bytes:
    """The bytes of an array; those of a small one as a copy, which is faster than a view."""
    _code(array.dtype)
    if array.nbytes <= _TOGETHER:
        return array.tobytes()
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _joined(pieces: Iterator[Bytes]) -> Iterator[Bytes]:
    """The same bytes, with small pieces together: every write is a call of the system."""
    waiting: list[Bytes] = []
    held = 0
    for piece in pieces:
        if len(piece) > _TOGETHER:
            yield b"".join(waiting)
            yield piece
            waiting, held = [], 0
            continue
        waiting.append(piece)
        held += len(piece)
        if held > 16 * _TOGETHER:
            yield b"".join(waiting)
            waiting, held = [], 0
    yield b"".join(waiting)


@lru_cache
def _code(dtype: np.dtype[Any]) -> str:
    """The format's name of a dtype; NumPy's name is slow to compute."""
    if dtype.name not in _CODES or not dtype.isnative:
        raise TypeError(f"a checkpoint can only contain numeric arrays, found an array of {dtype}")
    return _CODES[dtype.name]


@lru_cache(maxsize=4)
def _header(tensors: tuple[tuple[str, str, tuple[int, ...]], ...], sizes: tuple[int, ...]) -> bytes:
    """The beginning of a file with tensors of these names, codes and shapes, and of these sizes in
    bytes; the same for all checkpoints of a run.
    """
    entries: dict[str, Any] = {}
    start = 0
    for (name, code, shape), size in zip(tensors, sizes, strict=True):
        entries[name] = {
            "dtype": code,
            "shape": list(shape),
            "data_offsets": [start, start + size],
        }
        start += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (
        -len(text) % 8
    )  # the numbers start at a multiple of 8, so that they can be mapped into memory
    return len(text).to_bytes(8, "little") + text


def read_tensors(path: Path, expected: Content) -> dict[str, Array]:
    """The tensors of a file; every byte is verified. Raises `Damaged`, and `OSError`."""
    with open_own(path.parent.parent, f"{path.parent.name}/{path.name}") as file:
        size = os.fstat(file.fileno()).st_size
        if size != expected.size:
            raise Damaged(f"`{path.name}` has {size:,} bytes, expected {expected.size:,}")
        entries = _read_header(file, path.name, expected)
        return {name: _read_one(file, name, entry, expected) for name, entry in entries.items()}


def _read_header(file: IO[bytes], name: str, expected: Content) -> dict[str, Any]:
    length = file.read(8)
    count = int.from_bytes(length, "little")
    if count > min(_LONGEST_HEADER, expected.size):
        raise Damaged(f"the header of `{name}` was changed after it was written")
    header = file.read(count)
    if hashlib.sha256(length + header).hexdigest() != expected.header:
        raise Damaged(f"the header of `{name}` was changed after it was written")
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError):
        raise Damaged(f"the header of `{name}` is not JSON") from None
    if not isinstance(entries, dict) or set(entries) != set(expected.tensors):
        raise Damaged(f"the tensors in `{name}` are not those in its index")
    _check_sizes(entries, name, expected.size - 8 - count)
    return entries


def _check_sizes(entries: Mapping[str, Any], name: str, size: int) -> None:
    """Raises `Damaged` unless the tensors follow each other and fill the file: memory is reserved
    for them before they are read.
    """
    end = 0
    for key, one in entries.items():
        try:
            begin, stop = one["data_offsets"]
            sizes, item = one["shape"], _dtype(_NAMES[one["dtype"]]).itemsize
            counts = [begin, stop, *sizes]
            fits = all(type(part) is int and part >= 0 for part in counts) and len(sizes) <= 64
            fits = fits and begin == end and stop - begin == math.prod(sizes) * item
        except (LookupError, TypeError, ValueError):
            fits = False
        if not fits:
            raise Damaged(f"the size of the tensor `{key}` in `{name}` differs from its shape")
        end = stop
    if end != size:
        raise Damaged(f"the tensors in `{name}` do not fill the file")


def _read_one(file: IO[bytes], name: str, entry: Mapping[str, Any], expected: Content) -> Array:
    array = np.empty(entry["shape"], _dtype(_NAMES[entry["dtype"]]))
    data = array.reshape(-1).view(np.uint8).data
    running = hashlib.sha256()
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        if file.readinto(piece) != len(piece):  # type: ignore[attr-defined]  # of every raw file
            raise Damaged(f"the tensor `{name}` is incomplete")
        running.update(piece)
    if running.hexdigest() != expected.tensors[name]:
        raise Damaged(f"the tensor `{name}` was changed after it was written")
    return array


def _dtype(name: str) -> np.dtype[Any]:
    if name.startswith(("bfloat", "float8")):
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return found
    return np.dtype(name)
