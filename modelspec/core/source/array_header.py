"""The shape and dtype of an array in a `.npy` or `.npz` file, read without NumPy and without its
numbers.

The format is NumPy's (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
Python objects are refused: they would be loaded with `pickle`, which runs code.
"""

from __future__ import annotations

import ast
import re
import struct
import zipfile
import zlib
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import IO, Final, NamedTuple

from ..diagnostics import Fault, listed, nearest
from ..dtypes import FLOATS, INTS
from .regular_files import require_regular

MAX_BYTES: Final = 256 * 1024 * 1024
"""The most bytes of an array."""
_MAX_HEADER: Final = 10_000
_MAGIC: Final = b"\x93NUMPY"
_KINDS: Final = {"f": "float", "i": "int", "u": "uint"}
_BROKEN: Final = (
    OSError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    SyntaxError,
    MemoryError,
    RecursionError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
)
"""The exceptions for a damaged file, depending on the damage."""


class ArrayHeader(NamedTuple):
    """The description of an array."""

    shape: tuple[int, ...]
    dtype: str


def array_header(path: Path, name: str | None) -> ArrayHeader:
    """The description of the array in a file; of an archive, of the array `name`, or the only one.

    Raises `Fault` (MS419) for a missing or damaged file and for an array that is too large or not
    of numbers.
    """
    try:
        require_regular(path)
        found = path.stat()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise Fault("MS419", f"`{path.name}` cannot be read: {reason}", ("file",)) from None
    return _header(path, name, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _header(path: Path, name: str | None, size: int, changed: int) -> ArrayHeader:
    """Read once: a file that changes has another size or modification time."""
    try:
        if zipfile.is_zipfile(path):
            return _in_archive(path, name)
        with path.open("rb") as file:
            header, start = _read(file, path.name)
    except Fault:
        raise
    except _BROKEN:
        raise _wrong(path.name, "is not a `.npy` or `.npz` file, or is damaged") from None
    if name is not None:
        raise Fault(
            "MS419",
            f"`{path.name}` is one array, so it has no array `{name}`",
            ("array",),
            help="leave `array` out",
        )
    _check_size(header, size - start, path.name)
    return header


def _in_archive(path: Path, name: str | None) -> ArrayHeader:
    with zipfile.ZipFile(path) as archive:
        names = [one.removesuffix(".npy") for one in archive.namelist() if one.endswith(".npy")]
        chosen = _chosen(path.name, names, name)
        member = archive.getinfo(f"{chosen}.npy")
        with archive.open(member) as file:
            header, start = _read(file, f"{chosen} of {path.name}")
        _check_size(header, member.file_size - start, f"{chosen} of {path.name}")
        return header


def _chosen(file: str, names: list[str], name: str | None) -> str:
    if name in names:
        return str(name)
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        message = f"`{file}` has {len(names)} arrays"
        raise Fault("MS419", message, ("file",), help=f"set `array` to one of {listed(names)}")
    near = nearest(name, names)
    raise Fault(
        "MS419",
        f"`{file}` has no array `{name}`",
        ("array",),
        suggestion=near,
        help=f"did you mean `{near}`?" if near else f"its arrays are {listed(names)}",
    )


def _read(file: IO[bytes], what: str) -> tuple[ArrayHeader, int]:
    """The header at the start of an array, and its length in bytes."""
    start = file.read(len(_MAGIC) + 2)
    if start[: len(_MAGIC)] != _MAGIC:
        raise ValueError
    form = "<H" if start[len(_MAGIC)] == 1 else "<I"
    (length,) = struct.unpack(form, file.read(struct.calcsize(form)))
    if length > _MAX_HEADER:
        raise ValueError
    described = ast.literal_eval(file.read(length).decode("latin-1").strip())
    shape, written = described["shape"], described["descr"]
    if not isinstance(shape, tuple) or not all(type(one) is int and one >= 0 for one in shape):
        raise ValueError
    header = ArrayHeader(shape, _dtype(written, what))
    return header, len(start) + struct.calcsize(form) + length


def _dtype(written: object, what: str) -> str:
    """The dtype of `<f4`. Raises MS419 for anything other than numbers."""
    match = re.fullmatch(r"[<>|=]?([a-zA-Z])(\d+)", written) if isinstance(written, str) else None
    if match and match[1] == "b":
        return "bool"
    if match and match[1] in _KINDS:
        found = f"{_KINDS[match[1]]}{int(match[2]) * 8}"
        if found in (*INTS, *FLOATS):
            return found
    if written == "|O":
        raise _wrong(what, "contains Python objects, which are never loaded")
    raise _wrong(what, "does not contain numbers of a supported dtype")


def _check_size(header: ArrayHeader, held: int, what: str) -> None:
    """Raises MS419 unless the file holds exactly the numbers that its header announces."""
    bits = 8 if header.dtype == "bool" else int(re.sub(r"\D", "", header.dtype))
    size = prod(header.shape) * bits // 8
    if size > MAX_BYTES:
        raise _wrong(what, f"has {size:,} bytes; the maximum is {MAX_BYTES:,}")
    if not size:
        raise _wrong(what, "is empty")
    if held < size:
        raise _wrong(what, f"is truncated: {size:,} bytes expected, found {max(held, 0):,}")


def _wrong(what: str, problem: str) -> Fault:
    return Fault(
        "MS419",
        f"`{what}` {problem}",
        ("file",),
        help="save an array of numbers with `numpy.save(path, array)`",
    )
