"""The order of the examples of an epoch."""

from __future__ import annotations

import numpy as np

from .split import Positions

_STREAM = 2
"""Separates these random numbers from those of the split."""


def order(seed: int, epoch: int, count: int) -> Positions:
    """The order of `count` examples in an epoch (from 0): a permutation that depends only on the
    seed and the epoch.
    """
    sequence = np.random.SeedSequence([seed, _STREAM, epoch])
    return np.random.Generator(np.random.PCG64(sequence)).permutation(count)
