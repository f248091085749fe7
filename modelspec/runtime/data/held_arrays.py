"""Arrays from which batches are gathered: as tensors, or as files on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .table import Array

_SMALL = 32 * 2**20
"""Maximum bytes of an array on disk that is read completely."""


class _OnDisk:
    """An array that stays on disk and whose rows are read: a memory map would load its whole file
    into memory.
    """

    def __init__(self, values: np.memmap[Any, Any]) -> None:
        self.values = values
        self._file = getattr(values, "held", None) or Path(str(values.filename)).open("rb")  # noqa: SIM115
        self._bytes = int(np.prod(values.shape[1:])) * values.itemsize

    def gather(self, chosen: Any) -> Any:
        """Some examples as a tensor; for windows, [examples, rows, ...]."""
        import tensorflow as tf

        found = tf.numpy_function(self._read, [chosen], tf.as_dtype(self.values.dtype))
        return tf.ensure_shape(found, [*chosen.shape, *self.values.shape[1:]])

    def _read(self, chosen: Any) -> Any:
        """Reads each place once, and consecutive places together."""
        places, back = np.unique(chosen, return_inverse=True)
        found = np.empty((len(places), *self.values.shape[1:]), self.values.dtype)
        content = found.data.cast("B") if found.size else memoryview(b"")
        size, begin = self._bytes, 0
        ends = np.append(np.flatnonzero(np.diff(places) != 1) + 1, len(places))
        for end in ends.tolist() if found.size else ():
            at = int(self.values.offset) + int(places[begin]) * size
            self._fill(content[begin * size : end * size], at)
            begin = end
        return found[back.reshape(np.shape(chosen))]

    def _fill(self, content: memoryview, at: int) -> None:
        """Reads a part of the file; a single system call may read less than requested."""
        while len(content):
            count = os.preadv(self._file.fileno(), [content], at)
            if not count:
                raise OSError(f"{self.values.filename} was truncated")
            content, at = content[count:], at + count


def held(values: Array) -> Any:
    """An array as a tensor, or as its file where that is large."""
    import tensorflow as tf

    if isinstance(values, np.memmap) and values.nbytes > _SMALL:
        return _OnDisk(values)
    return tf.constant(np.asarray(values))


def gather(values: Any, chosen: Any) -> Any:
    """Some examples of a result of `held`, as a tensor."""
    import tensorflow as tf

    return values.gather(chosen) if isinstance(values, _OnDisk) else tf.gather(values, chosen)
