"""Exact quantiles of more numbers than memory holds.

Up to `MEMORY` bytes all values are kept and sorted. Past that only how many values begin with the
same 16 bits is counted: the order of such counts is that of the numbers, so that they say in which
interval each wanted rank lies. The intervals are refined by 16 bits in each further pass over the
rows, until the values inside them can be kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .table import Array

MEMORY = 64 * 2**20
"""Bytes of values that are kept."""
_STEP = 16
"""Bits by which intervals are refined."""
_SIGN = np.uint64(1 << 63)


class Quantiles:
    """The quantiles `shares` of numbers that come in blocks: those of `numpy.quantile`, with linear
    interpolation between the two nearest values.

    Go over all rows with `add`, then ask `finish` whether that was enough; if not, go over them
    again.
    """

    def __init__(self, shares: Iterable[float], limit: int | None = None) -> None:
        self._shares = np.array(tuple(shares), np.float64)
        self._limit = (MEMORY if limit is None else limit) // 8
        self._shift = 64 - _STEP
        self._inside: Array | None = None
        """The intervals that hold wanted ranks, by their leading bits; None: everything."""
        self._below: Array = np.zeros(0, np.int64)
        """How many values are below each interval."""
        self._kept: list[Array] | None = []
        self._held = 0
        self._counts: dict[int, int] = {}
        self._count = 0
        self.found: Array | None = None

    def add(self, values: Array) -> None:
        """Some of the values; order and blocks do not matter."""
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
        """Whether `found` has the quantiles; else the rows have to be gone over again. Raises
        `ValueError` where there is no value.
        """
        if not self._count:
            raise ValueError("no values")
        if self._kept is not None:
            self.found = self._of(self._from_kept(np.sort(np.concatenate(self._kept))))
            return True
        starts = np.array(sorted(self._counts), np.uint64)
        counts = np.array([self._counts[int(start)] for start in starts], np.int64)
        ends = self._ends(starts, counts)
        if not self._shift:  # the leading bits are all of them
            self.found = self._of(starts[np.searchsorted(ends, self._ranks, side="right")])
            return True
        chosen = np.unique(np.searchsorted(ends, self._ranks, side="right"))
        self._inside, self._below = starts[chosen], ends[chosen] - counts[chosen]
        self._shift -= _STEP
        self._counts, self._kept, self._held = {}, [], 0
        return False

    def _ends(self, starts: Array, counts: Array) -> Array:
        """How many of all values are below the end of each interval."""
        ends: Array = np.cumsum(counts)
        if self._inside is None:
            return ends
        outer = np.searchsorted(self._inside, starts >> np.uint64(_STEP))
        before = np.concatenate([[0], ends])[np.searchsorted(outer, np.arange(len(self._inside)))]
        found: Array = ends - before[outer] + self._below[outer]
        return found

    def _from_kept(self, keys: Array) -> Array:
        """The keys of the wanted ranks, of the sorted keys inside the intervals."""
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
        """The ranks, from 0, of the values on both sides of each quantile."""
        low = np.floor(self._positions).astype(np.int64)
        return np.concatenate([low, np.minimum(low + 1, self._count - 1)])

    def _of(self, keys: Array) -> Array:
        """Between the values on both sides, as NumPy computes it."""
        low, high = np.split(_values(keys), 2)
        part = self._positions - np.floor(self._positions)
        gap = high - low
        found: Array = np.where(part >= 0.5, high - gap * (1 - part), low + gap * part)
        return np.where(gap == 0, low, found)


def _keys(values: Array) -> Array:
    """Numbers as 64 bits in the order of the numbers."""
    numbers = np.ascontiguousarray(values, np.float64).ravel() + 0.0  # -0.0 is 0.0
    bits = numbers.view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _values(keys: Array) -> Array:
    bits = np.where(keys & _SIGN, keys & ~_SIGN, ~keys)
    return np.ascontiguousarray(bits, np.uint64).view(np.float64)
