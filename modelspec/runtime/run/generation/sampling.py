"""How the next token is chosen: probabilities by temperature, `top_k` and `top_p`, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...data.table import Array

TINY: Final = np.finfo(np.float64).tiny
"""The smallest probability: the logarithm of 0 is not a number to compute with."""


@dataclass(frozen=True)
class Sampling:
    """The distribution that tokens are drawn from."""

    temperature: float = 1.0
    """The number that the logits are divided by; 0: the most probable token."""
    top_k: int | None = None
    """The number of most probable tokens that are kept."""
    top_p: float | None = None
    """The probability of the smallest set of most probable tokens that are kept."""

    def probabilities(self, scores: Array) -> Array:
        """The distribution of each row of logarithms of probabilities, [rows, tokens]: divided by
        the temperature, then the `top_k` most probable tokens, then the fewest most probable ones
        whose probability is at least `top_p`. Of equally probable tokens the first ones are kept.
        """
        if self.temperature == 0:
            best: Array = np.arange(scores.shape[-1]) == scores.argmax(-1)[..., None]
            return best.astype(np.float64)
        found = softmax(scores / self.temperature)
        order = np.argsort(-found, axis=-1, kind="stable")
        if self.top_k is not None:
            found = normalized(_kept(found, order, np.arange(found.shape[-1]) < self.top_k))
        if self.top_p is not None:
            ordered = np.take_along_axis(found, order, axis=-1)
            before = np.cumsum(ordered, axis=-1) - ordered
            found = normalized(_kept(found, order, before < self.top_p))
        return found

    def choose(self, scores: Array, numbers: Array) -> Array:
        """The token of each row; `numbers` are random, from 0 up to 1, one for each row."""
        if self.temperature == 0:
            greedy: Array = scores.argmax(-1)
            return greedy
        return drawn(self.probabilities(scores), numbers)


def drawn(shares: Array, numbers: Array) -> Array:
    """The token of each row whose part of the interval from 0 to 1 contains the number."""
    ends = np.cumsum(shares, axis=-1)
    # Rounding: the last end may be below 1.
    found = (ends <= numbers[:, None] * ends[:, -1:]).sum(-1)
    last = shares.shape[-1] - 1 - (shares[:, ::-1] > 0).argmax(-1)
    chosen: Array = np.minimum(found, last)
    return chosen


def softmax(scores: Array) -> Array:
    """The probabilities of logits, along the last axis."""
    found = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return normalized(found)


def normalized(shares: Array) -> Array:
    """Numbers divided by their sum, along the last axis."""
    found: Array = shares / shares.sum(axis=-1, keepdims=True)
    return found


def log_probabilities(shares: Array, allowed: Array) -> Array:
    """The logarithms of probabilities, [rows, tokens]; minus infinity for tokens that are not
    allowed.
    """
    found = np.log(np.maximum(shares.astype(np.float64), TINY))
    kept: Array = np.where(allowed, found, -np.inf)
    return kept


def _kept(shares: Array, order: Array, kept: Array) -> Array:
    """The shares at the places of `order` that are kept; 0 at the others."""
    marks = np.zeros(shares.shape, bool)
    np.put_along_axis(marks, order, np.broadcast_to(kept, order.shape), axis=-1)
    return np.where(marks, shares, 0.0)
