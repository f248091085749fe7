"""Counts, means, variances and bounds of training rows, combined from blocks: exact counts and
bounds, sums in float64 relative to the first value, so that a constant column has variance 0 and a
column of large numbers loses no digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .table import Array

Take = Callable[[Array, Array | None], None]
_ENTRIES = 2**20
"""How many numbers are summed at once."""


class EvenBlocks:
    """Forwards rows in blocks of one size, whatever the sizes of the incoming blocks: the last bits
    of a sum depend on the block size.
    """

    def __init__(self, take: Take, rows: int | None = None) -> None:
        """`rows` is the size of a block; None: as many as have so many numbers."""
        self._take = take
        self._rows = rows
        self._values: list[Array] = []
        self._real: list[Array | None] = []
        self._count = 0

    def add(self, values: Array, real: Array | None) -> None:
        """Adds rows, and which of their entries count (None: all)."""
        size = self._rows or max(1, _ENTRIES // max(1, int(np.prod(values.shape[1:]))))
        start = 0
        while start < len(values):
            stop = min(len(values), start + size - self._count)
            self._values.append(values[start:stop])
            self._real.append(None if real is None else real[start:stop])
            self._count += stop - start
            start = stop
            if self._count == size:
                self.finish()

    def finish(self) -> None:
        """Forwards the remaining rows."""
        if not self._count:
            return
        marks = [
            np.ones(values.shape, bool) if real is None else real
            for values, real in zip(self._values, self._real, strict=True)
        ]
        known = any(real is not None for real in self._real)
        values = np.concatenate(self._values)
        self._values, self._real, self._count = [], [], 0
        self._take(values, np.concatenate(marks) if known else None)


class Moments:
    """Mean and variance of numbers over some axes, including the first."""

    def __init__(self, over: tuple[int, ...]) -> None:
        self.over = over
        self._count: Array = np.zeros((), np.int64)
        self._shift: Array | None = None
        self._mean: Array = np.zeros(())
        self._squares: Array = np.zeros(())

    def add(self, values: Array, real: Array | None) -> None:
        """Adds rows, and which of their entries count (None: all). Blocks are combined by the
        parallel algorithm of Chan, Golub and LeVeque. The result for overflowing numbers is not
        finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            self._add(values.astype(np.float64), real)

    def _add(self, numbers: Array, real: Array | None) -> None:
        """`numbers` are changed: copies of them would take several times their memory."""
        if self._shift is None:
            self._shift = _first(numbers, real, self.over).copy()
        count = _count(numbers, real, self.over)
        shifted = _kept(np.subtract(numbers, self._shift, out=numbers), real, 0.0)
        mean = shifted.sum(axis=self.over, keepdims=True) / np.maximum(count, 1)
        distances = _kept(np.subtract(shifted, mean, out=shifted), real, 0.0)
        np.square(distances, out=distances)
        squares = distances.sum(axis=self.over, keepdims=True)
        whole = np.maximum(self._count + count, 1)
        change = mean - self._mean
        self._squares = self._squares + squares + np.square(change) * (self._count * count / whole)
        self._mean = self._mean + change * (count / whole)
        self._count = self._count + count

    @property
    def mean(self) -> Array:
        """The mean; 0 where no entries count."""
        assert self._shift is not None
        return np.where(self._count > 0, self._shift + self._mean, 0.0)

    @property
    def variance(self) -> Array:
        """The mean squared distance from the mean; 1 where no entries count."""
        return np.where(self._count > 0, self._squares / np.maximum(self._count, 1), 1.0)


class Total:
    """The sum, minimum or maximum of numbers over some axes."""

    def __init__(self, over: tuple[int, ...], combine: np.ufunc, nothing: float) -> None:
        self.over = over
        self._combine = combine
        self._nothing = nothing
        self.value: Array = np.asarray(nothing)

    def add(self, values: Array, real: Array | None) -> None:
        """Adds rows, and which of their entries count (None: all)."""
        numbers = _kept(values.astype(np.float64), real, self._nothing)
        found = self._combine.reduce(numbers, axis=self.over, keepdims=True)
        self.value = self._combine(self.value, found)


def _kept(values: Array, real: Array | None, other: float) -> Array:
    """The values that count, with a neutral value in place of others."""
    return values if real is None else np.where(real, values, other)


def _count(values: Array, real: Array | None, over: tuple[int, ...]) -> Array:
    """The number of entries that count."""
    if real is not None:
        return np.asarray(real.sum(axis=over, keepdims=True))
    return np.asarray(int(np.prod([values.shape[axis] for axis in over])))


def _first(values: Array, real: Array | None, over: tuple[int, ...]) -> Array:
    """A value along the axes: the first, or the smallest of those that count."""
    if real is None:
        place = (slice(0, 1) if axis in over else slice(None) for axis in range(values.ndim))
        return values[tuple(place)]
    low = np.where(real, values, np.inf).min(axis=over, keepdims=True)
    return np.where(np.isfinite(low), low, 0.0)
