"""Beam search: the most probable continuations, of which a few are kept at each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ...data.table import Array

Next: TypeAlias = Callable[[list[list[int]]], Array]
"""For several continuations: the logarithms of the probabilities of the next token,
[continuations, tokens].
"""
Ends: TypeAlias = Callable[[Sequence[int]], bool]


@dataclass(frozen=True)
class Found:
    """A continuation."""

    tokens: tuple[int, ...]
    total: float
    """The logarithm of its probability."""
    ended: bool = False
    """Whether it ended at a stop mark, which `tokens` contains."""

    def score(self, penalty: float) -> float:
        """What continuations are ordered by: the logarithm of the probability, divided by the
        number of tokens to the power of `penalty`.
        """
        return self.total / float(max(1, len(self.tokens)) ** penalty)


def search(next_: Next, ends: Ends, *, beams: int, length: int, penalty: float) -> list[Found]:
    """The best continuations of at most `length` tokens, the best one first; of equal scores the
    one that was found first.
    """
    live, done = [Found((), 0.0)], list[Found]()
    while live and len(live[0].tokens) < length:
        scores = next_([list(one.tokens) for one in live])
        live, ended = _extended(live, scores, ends, beams)
        done = _best([*done, *ended], beams, penalty)
        if len(done) == beams and not _may_improve(live, done[-1], length, penalty):
            live = []
    return _best([*done, *live], beams, penalty)


def _extended(
    live: list[Found], scores: Array, ends: Ends, beams: int
) -> tuple[list[Found], list[Found]]:
    """The most probable continuations that are one token longer: those that continue, and
    those that end. `beams` continuing ones are kept, however many end.
    """
    totals = np.array([one.total for one in live])[:, None] + scores
    flat = totals.ravel()
    order = np.argsort(-flat, kind="stable")
    going: list[Found] = []
    ended: list[Found] = []
    for at in order:
        if not np.isfinite(flat[at]) or len(going) == beams:
            break
        row, token = divmod(int(at), scores.shape[1])
        tokens = (*live[row].tokens, token)
        is_end = ends(tokens)
        (ended if is_end else going).append(Found(tokens, float(flat[at]), is_end))
    return going, ended


def _best(found: list[Found], beams: int, penalty: float) -> list[Found]:
    return sorted(found, key=lambda one: -one.score(penalty))[:beams]


def _may_improve(live: list[Found], worst: Found, length: int, penalty: float) -> bool:
    """Whether an unfinished continuation may become better than one that ended: its probability
    can only decrease, and its number of tokens is at most `length`.
    """
    for one in live:
        lengths = (len(one.tokens) + 1, length)
        highest = max(one.total / size**penalty for size in lengths)
        if highest > worst.score(penalty):
            return True
    return False
