"""Rows that are collected block by block until they are processed together."""

from __future__ import annotations

import numpy as np

from .table import Array


class GatheredRows:
    """Blocks of rows, one after the other in one array: a list of them, and their concatenation,
    would take twice the memory.
    """

    def __init__(self, most: int, rows: int) -> None:
        """`most`: the bytes from which they are to be taken; `rows`: the number of all rows."""
        self._most, self._left = most, rows
        self._values: Array | None = None
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether there are as many bytes as are processed together."""
        values = self._values
        return values is not None and self._count * (values.nbytes // len(values)) >= self._most

    def add(self, block: Array) -> None:
        """Adds the rows of a block. All blocks have rows of one shape."""
        values = self._values
        if values is None:
            self._values = values = self._room(block)
        if block.shape[1:] != values.shape[1:]:
            raise ValueError(f"rows of the shapes {values.shape[1:]} and {block.shape[1:]}")
        joined = np.result_type(values, block) if values.dtype != block.dtype else values.dtype
        if joined != values.dtype or self._count + len(block) > len(values):
            grown = np.empty((2 * (self._count + len(block)), *values.shape[1:]), joined)
            grown[: self._count] = values[: self._count]
            self._values = values = grown
        values[self._count : self._count + len(block)] = block
        self._count += len(block)

    def take(self) -> Array | None:
        """All rows since the last call; None if there are none."""
        if self._values is None:
            return None
        found = self._values[: self._count]
        self._left -= self._count
        self._values, self._count = None, 0
        return found

    def _room(self, block: Array) -> Array:
        """Memory for the rows that are processed together; the system provides what is used."""
        size = max(1, block.nbytes // max(1, len(block)))
        rows = min(max(self._left, 1), self._most // size + 1)
        return np.empty((rows + len(block), *block.shape[1:]), block.dtype)
