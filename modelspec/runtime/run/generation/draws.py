"""Random numbers of generated examples: each example has its own, by the seed, the row and its
number, so that they do not depend on the other examples of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from ...data.table import Array

_STREAM: Final = 9
"""Separates these random numbers from others of the same seed."""


class Draws:
    """The generators of some examples. Each call continues all of them."""

    def __init__(self, seed: int, examples: Iterable[tuple[int, int]]) -> None:
        """`examples`: the row of each in its source, and its number among those of the row."""
        self._generators = [
            np.random.Generator(
                np.random.Philox(np.random.SeedSequence(seed, spawn_key=(_STREAM, *example)))
            )
            for example in examples
        ]

    def normal(self, shape: tuple[int, ...]) -> Array:
        """Normally distributed numbers, [examples, ...], as float64."""
        return np.stack([one.standard_normal(shape) for one in self._generators])

    def uniform(self, shape: tuple[int, ...] = ()) -> Array:
        """Numbers from 0 up to, but not including, 1, [examples, ...], as float64."""
        return np.stack([one.random(shape) for one in self._generators])

    def of(self, function: str, shape: tuple[int, ...], settings: Mapping[str, Any]) -> Array:
        """The numbers of `random_normal` or `random_uniform` with these settings."""
        if function == "random_normal":
            found: Array = settings["mean"] + settings["stddev"] * self.normal(shape)
            return found
        low, high = settings["minval"], settings["maxval"]
        between: Array = low + (high - low) * self.uniform(shape)
        return between
