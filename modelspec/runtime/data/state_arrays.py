"""Arrays that a transform of a plugin has learned, as part of the learned state: in NumPy's format,
without pickle. In the folder of a run each is a file; elsewhere it is a string in base 64.
"""

from __future__ import annotations

import io
import math
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np

from modelspec.core.source.own_files import read_own

from .sources.formats.numpy_header import header_of
from .table import Array

_INSIDE: Final = "npy"
"""The key of arrays as strings."""
_FILES: Final = "npy_files"
"""The key of arrays in files."""


class Arrays(Mapping[str, Array]):
    """Arrays by name, which do not change. Two are equal if their contents are."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = {name: np.array(one) for name, one in sorted(arrays.items())}
        for one in self._arrays.values():
            one.setflags(write=False)
        self._contents = {name: _npy(one) for name, one in self._arrays.items()}

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arrays) and self._contents == other._contents

    def __hash__(self) -> int:
        return hash(tuple(self._contents.items()))

    def plain(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {_INSIDE: {name: b64encode(one).decode() for name, one in self._contents.items()}}

    def facts(self) -> dict[str, Any]:
        """By name: a few numbers as they are, more of them as a dtype and a shape."""
        return {
            name: one.tolist() if one.size <= 8 else f"{one.dtype} {list(one.shape)}"
            for name, one in self._arrays.items()
        }


def _npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _array(content: bytes) -> Array:
    """Raises `ValueError` if it claims more numbers than it has: NumPy would reserve them first."""
    file = io.BytesIO(content)
    shape, _, dtype = header_of(file)
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell() or dtype.hasobject:
        raise ValueError("its size differs from what its header claims")
    found: Array = np.load(io.BytesIO(content), allow_pickle=False)
    return found


def is_arrays(value: Mapping[str, Any]) -> bool:
    """Whether a mapping was made by `Arrays.plain`."""
    return set(value) == {_INSIDE} and isinstance(value[_INSIDE], dict)


def arrays_of(plain: Mapping[str, Any]) -> Arrays:
    """The arrays from the result of `Arrays.plain`. Raises `ValueError` and others for wrong
    contents.
    """
    found = {name: _array(b64decode(one)) for name, one in plain[_INSIDE].items()}
    return Arrays(found)


# Files --------------------------------------------------------------------------------------------


def to_files(value: Any, folder: Path) -> Any:
    """A plain state in which arrays are replaced by the names of files, which are written to a
    folder, each completely or not at all. A file is named by its hash, so none is overwritten with
    other contents. Raises `OSError`.
    """
    if isinstance(value, list):
        return [to_files(one, folder) for one in value]
    if not isinstance(value, dict):
        return value
    if not is_arrays(value):
        return {key: to_files(one, folder) for key, one in value.items()}
    names = {}
    for name, one in value[_INSIDE].items():
        content = b64decode(one)
        names[name] = f"{sha256(content).hexdigest()}.npy"
        _write(folder / names[name], content)
    return {_FILES: names}


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def from_files(value: Any, folder: Path, most: int) -> Any:
    """A plain state with the arrays of its files, each of at most `most` bytes. Raises `OSError`,
    and `ValueError` for a file that has changed.
    """
    if isinstance(value, list):
        return [from_files(one, folder, most) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {_FILES}:
        return {key: from_files(one, folder, most) for key, one in value.items()}
    found = {}
    for name, file in value[_FILES].items():
        content = read_own(folder, Path(file).name, most)
        if f"{sha256(content).hexdigest()}.npy" != file:
            raise ValueError(f"the array `{name}` in `{file}` was changed")
        found[name] = b64encode(content).decode()
    return {_INSIDE: found}
