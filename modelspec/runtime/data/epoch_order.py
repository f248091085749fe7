"""The order of the examples of an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from .split import Positions
from .table import Array

_AT_ONCE = 2**20
_STREAM = 2
"""Separates these random numbers from those of the split."""


def order(seed: int, epoch: int, count: int, dtype: Any = np.int64) -> Array:
    """The order of `count` examples in an epoch (from 0), as integers of this type: a permutation
    that depends only on the seed and the epoch.
    """
    sequence = np.random.SeedSequence([seed, _STREAM, epoch])
    places = np.arange(count, dtype=dtype)
    np.random.Generator(np.random.PCG64(sequence)).shuffle(places)
    return places


def type_of_positions(positions: Positions) -> Any:
    """The smallest type of integers that contains some positions: an epoch of 25 million examples
    takes 100 MB in TensorFlow and as much in NumPy, or twice that in `int64`.
    """
    return np.int32 if positions.max(initial=0) <= np.iinfo(np.int32).max else np.int64


def taken_in_place(values: Positions, places: Array) -> Array:
    """`values[places]`, in the memory of `places`, whose type contains the values: for 25 million
    examples a second array would take as much again.
    """
    for first in range(0, len(places), _AT_ONCE):
        some = places[first : first + _AT_ONCE]
        some[:] = values[some]
    return places
