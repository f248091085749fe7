"""Exact quantiles of more numbers than memory holds.

Up to `MEMORY` bytes, all values are kept and sorted. Beyond that, only the number of values with
the same leading 16 bits is counted: these bits sort like the numbers, so the counts give the
interval of each wanted rank. Each further pass over the rows refines the intervals by 16 bits,
until the values inside them can be kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .table import Array

MEMORY = 64 * 2**20
"""Bytes of values that are kept."""
_STEP = 16
"""The number of bits by which each pass refines intervals."""
_SIGN = np.uint64(1 << 63)


class Quantiles:
    """The quantiles `shares` of numbers that come in blocks: those of `numpy.quantile`, with linear
    interpolation between the two nearest values.

    Pass all rows to `add`, then ask `finish` whether that was enough; if not, pass them again.
    """

    def __init__(self, shares: Iterable[float], limit: int | None = None) -> None:
        self._shares = np.array(tuple(shares), np.float64)
        self._limit = (MEMORY if limit is None else limit) // 8
        self._shift = 64 - _STEP
        self._inside: Array | None = None
        """The intervals that contain wanted ranks, by their leading bits; None: everything."""
        self._below: Array = np.zeros(0, np.int64)
        """The number of values below each interval."""
        self._kept: list[Array] | None = []
        self._held = 0
        self._counts: dict[int, int] = {}
        self._count = 0
        self.found: Array | None = None

    def add(self, values: Array) -> None:
        """Adds some of the values; order and block size do not matter."""
        keys = _keys(values)
        if self._inside is None:
            self._count += len(keys)
        else:
            keys = keys[np.isin(keys >> np.uint64(self._shift + _STEP), self._inside)]
        if self._kept is not None:
            self._kept.append(keys)
            self._held += len(keys)
            if self._held > self._limit:
                waiting, self._kept = self._kept, None
                for one in waiting:
                    self._tally(one)
        else:
            self._tally(keys)

    def _tally(self, keys: Array) -> None:
        starts, counts = np.unique(keys >> np.uint64(self._shift), return_counts=True)
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
            self._counts[start] = self._counts.get(start, 0) + count

    def finish(self) -> bool:
        """Whether `found` has the quantiles; if not, another pass over the rows is required. Raises
        `ValueError` if there are no values.
        """
        if not self._count:
            raise ValueError("no values")
        if self._kept is not None:
            self.found = self._of(self._from_kept(np.sort(np.concatenate(self._kept))))
            return True
        starts = np.array(sorted(self._counts), np.uint64)
        counts = np.array([self._counts[int(start)] for start in starts], np.int64)
        ends = self._ends(starts, counts)
        if not self._shift:  # all bits are leading bits
            self.found = self._of(starts[np.searchsorted(ends, self._ranks, side="right")])
            return True
        chosen = np.unique(np.searchsorted(ends, self._ranks, side="right"))
        self._inside, self._below = starts[chosen], ends[chosen] - counts[chosen]
        self._shift -= _STEP
        self._counts, self._kept, self._held = {}, [], 0
        return False

    def _ends(self, starts: Array, counts: Array) -> Array:
        """The number of all values below the end of each interval."""
        ends: Array = np.cumsum(counts)
        if self._inside is None:
            return ends
        outer = np.searchsorted(self._inside, starts >> np.uint64(_STEP))
        before = np.concatenate([[0], ends])[np.searchsorted(outer, np.arange(len(self._inside)))]
        found: Array = ends - before[outer] + self._below[outer]
        return found

    def _from_kept(self, keys: Array) -> Array:
        """The keys of the wanted ranks, from the sorted keys inside the intervals."""
        if self._inside is None:
            return keys[self._ranks]
        outer = np.searchsorted(self._inside, keys >> np.uint64(self._shift + _STEP))
        first = np.searchsorted(outer, np.arange(len(self._inside)))
        place = np.searchsorted(self._below, self._ranks, side="right") - 1
        return keys[first[place] + self._ranks - self._below[place]]

    @property
    def _positions(self) -> Array:
        found: Array = self._shares * (self._count - 1)
        return found

    @property
    def _ranks(self) -> Array:
        """The ranks, from 0, of the two values around each quantile."""
        low = np.floor(self._positions).astype(np.int64)
        return np.concatenate([low, np.minimum(low + 1, self._count - 1)])

    def _of(self, keys: Array) -> Array:
        """Interpolates between the two values, as NumPy computes it."""
        low, high = np.split(_values(keys), 2)
        part = self._positions - np.floor(self._positions)
        gap = high - low
        found: Array = np.where(part >= 0.5, high - gap * (1 - part), low + gap * part)
        return np.where(gap == 0, low, found)


def _keys(values: Array) -> Array:
    """Numbers as 64 bits that sort like the numbers."""
    numbers = np.ascontiguousarray(values, np.float64).ravel() + 0.0  # -0.0 is 0.0
    bits = numbers.view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _values(keys: Array) -> Array:
    bits = np.where(keys & _SIGN, keys & ~_SIGN, ~keys)
    return np.ascontiguousarray(bits, np.uint64).view(np.float64)
