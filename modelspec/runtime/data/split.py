"""Which examples are for training, validation and test: a pure function of the seed and the
positions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .table import Array

Positions = NDArray[np.int64]
PARTS = ("train", "validation", "test")
_DRAWN = ("test", "validation", "train")
"""The order in which examples are drawn for the parts."""

_AT_ONCE = 2**20
_BINS = 2**12
_STREAM = 1
"""Keeps the split's random numbers independent of those of the order of batches, which have the
same seed.
"""


def split(
    seed: int,
    count: int,
    validation: float,
    test: float,
    strata: Array | None = None,
    *,
    groups: Array | None = None,
    times: Array | None = None,
    kept: Array | None = None,
) -> Mapping[str, Positions]:
    """The positions of each part, ascending; they do not overlap and together are all of
    `range(count)`.

    Every position gets a random number that depends only on the seed and the position; the smallest
    are the test, the next the validation. The counts are the fractions of `count`, rounded. With
    `strata` (an array of `count` values) the positions of each value are spread evenly over the
    random numbers, so that it has the same share in every part, to within one example; the only
    example of a value is for training. With `groups` the positions of one value stay in one part,
    and the counts are as near to the fractions as whole groups allow. With `times` the latest are
    the test, those before them the validation; the position decides between equal times. `kept` are
    the positions in the source of the `count` examples: leaving some out does not change the random
    numbers of the others.
    """
    draws = draws_of(seed, count, kept)
    return of_draws(draws, validation, test, strata, groups=groups, times=times)


def draws_of(seed: int, count: int, kept: Array | None = None) -> NDArray[np.float64]:
    """The random number in [0, 1) of each of the `count` examples: see `split`."""
    whole = count if kept is None or not len(kept) else int(kept[-1]) + 1
    draws = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, _STREAM]))).random(
        whole
    )
    return draws if kept is None else draws[kept]


def of_draws(
    draws: NDArray[np.float64],
    validation: float,
    test: float,
    strata: Array | None = None,
    *,
    groups: Array | None = None,
    times: Array | None = None,
) -> Mapping[str, Positions]:
    """The same for examples whose random numbers are given."""
    count = len(draws)
    if groups is not None:
        return _by_group(draws, groups, validation, test)
    tests = _rounded(count * test)
    validations = min(_rounded(count * validation), count - tests)
    if times is not None:
        order = np.argsort(times, kind="stable")[::-1]
        cuts = np.split(order, [tests, tests + validations])
        return dict(zip(_DRAWN, (np.sort(cut) for cut in cuts), strict=True))
    keys = draws if strata is None else _spread(draws, strata)
    of_test, held_out = _smallest(keys, tests), _smallest(keys, tests + validations)
    chosen = of_test, held_out & ~of_test, ~held_out
    return dict(zip(_DRAWN, map(np.flatnonzero, chosen), strict=True))


def _smallest(keys: NDArray[np.float64], number: int) -> NDArray[np.bool_]:
    """Which are the `number` smallest of keys in [0, 1]; of equal ones, those that come first. A
    sort would take ten times as long.
    """
    if number == 0:
        return np.zeros(len(keys), bool)
    largest = _nth_smallest(keys, number)
    chosen: NDArray[np.bool_] = keys < largest
    equal = np.flatnonzero(keys == largest)
    chosen[equal[: number - np.count_nonzero(chosen)]] = True
    return chosen


def _nth_smallest(keys: NDArray[np.float64], number: int) -> float:
    """The smallest key but `number - 1`. `np.partition` would copy all keys: as much memory as the
    positions of all examples take.
    """
    pieces = [keys[first : first + _AT_ONCE] for first in range(0, len(keys), _AT_ONCE)]
    sizes = sum(np.bincount(_bins(piece), minlength=_BINS + 1) for piece in pieces)
    ends = np.cumsum(sizes)
    bin_ = int(np.searchsorted(ends, number))  # the first that ends at `number` or after it
    inside = np.concatenate([piece[_bins(piece) == bin_] for piece in pieces])
    place = number - 1 - (int(ends[bin_ - 1]) if bin_ else 0)
    return float(np.partition(inside, place)[place])


def _bins(keys: NDArray[np.float64]) -> NDArray[np.int64]:
    """A larger key is never in a smaller bin."""
    return (keys * _BINS).astype(np.int64)


def _by_group(
    draws: NDArray[np.float64], groups: Array, validation: float, test: float
) -> Mapping[str, Positions]:
    """Whole groups, in the order of the random number of each group's first example, to each part
    until it has its share.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    count, parts = len(groups), np.zeros(len(sizes), np.int64)
    order = np.argsort(draws[first], kind="stable")
    begin = 0
    for number, share in ((1, count * test), (2, count * validation)):
        taken = 0
        while share and begin < len(order) and taken + sizes[order[begin]] / 2 <= share:
            parts[order[begin]] = number
            taken += int(sizes[order[begin]])
            begin += 1
    of_example = parts[group]
    return {
        part: np.flatnonzero(of_example == number)
        for number, part in ((1, "test"), (2, "validation"), (0, "train"))
    }


def _spread(draws: NDArray[np.float64], strata: Array) -> NDArray[np.float64]:
    """A number in (0, 1) for each position, evenly spaced within each stratum, in the order of the
    random numbers.
    """
    _, stratum = np.unique(strata, return_inverse=True)
    counts = np.bincount(stratum)
    order = np.lexsort((draws, stratum))
    rank = np.arange(len(draws)) - np.repeat(np.cumsum(counts) - counts, counts)
    spread = np.empty(len(draws))
    # The random number shifts a position a little within its interval, so that strata of equal size
    # are not split at the same points.
    spread[order] = (rank + draws[order]) / counts[stratum[order]]
    spread[counts[stratum] == 1] = 1.0  # the only example of its kind is for training
    return spread


def _rounded(value: float) -> int:
    return int(np.floor(value + 0.5))


def everything(count: int) -> Positions:
    """All positions of a source that is not split."""
    return np.arange(count, dtype=np.int64)
