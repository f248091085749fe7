"""Decodes the outputs of a model with a CTC loss: the labels of a row from its scores at each step.

    greedy    the most probable class of each step, without repetitions, then without blanks
    beam      the label sequences with the highest probability, summed over all their alignments,
              among those that a search with `width` beams keeps

Numbers are computed in float64. Between equal probabilities the earlier one decides: the smaller
class, or the beam that was found first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from ..data.table import Array

BLANK: Final = 0
"""The class of Keras's loss that is no label."""


class Path(NamedTuple):
    """Decoded classes, and the logarithm of their probability."""

    classes: tuple[int, ...]
    score: float


def greedy(scores: Array) -> Path:
    """The classes of the most probable alignment, and its probability. `scores` are the logits of
    one row, as [steps, classes].
    """
    shares = _log_softmax(scores)
    best = shares.argmax(axis=-1)
    total = float(shares[np.arange(len(best)), best].sum())
    changes = np.concatenate([[True], best[1:] != best[:-1]])[: len(best)]
    return Path(tuple(int(one) for one in best[changes] if one != BLANK), total)


def beam(scores: Array, width: int, paths: int) -> list[Path]:
    """The most probable label sequences, in order; fewer than `paths` if the search found fewer."""
    shares = _log_softmax(scores)
    found = _Beams(shares.shape[-1])
    for step in shares:
        found.advance(step, width)
    return found.best(paths)


def _log_softmax(scores: Array) -> Array:
    x = np.asarray(scores, np.float64)
    x = x - x.max(axis=-1, keepdims=True) if x.size else x
    found: Array = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return found


class _Beams:
    """Prefixes of label sequences with the logarithms of two probabilities: of the alignments that
    end with a blank, and of those that end with the last label.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._parents, self._labels = [-1], [BLANK]
        """Of every prefix that was ever kept: the prefix without its last label, and this label.
        The first one is empty.
        """
        self._numbers: dict[tuple[int, int], int] = {}
        """The prefix for another one and a further label."""
        self._kept = np.array([0])
        self._blank, self._label = np.array([0.0]), np.array([-np.inf])

    def advance(self, step: Array, width: int) -> None:
        """Continue every kept prefix with one step, and keep the most probable ones."""
        every = np.logaddexp(self._blank, self._label)
        last = np.array([self._labels[one] for one in self._kept])
        rows = np.arange(len(last))
        further = every[:, None] + step
        # The same label again is a further label only after a blank.
        further[rows, last] = self._blank + step[last]
        further[:, BLANK] = -np.inf
        blank = every + step[BLANK]
        label = np.where(last == BLANK, -np.inf, self._label + step[last])
        places = {int(one): row for row, one in enumerate(self._kept)}
        for row, one in enumerate(self._kept):  # a prefix that another kept one continues to
            parent = places.get(self._parents[one])
            if parent is not None:
                label[row] = np.logaddexp(label[row], further[parent, last[row]])
                further[parent, last[row]] = -np.inf
        self._keep(blank, label, further, width)

    def _keep(self, blank: Array, label: Array, further: Array, width: int) -> None:
        totals = np.concatenate([np.logaddexp(blank, label), further.ravel()])
        best = np.argsort(-totals, kind="stable")[:width]
        best = best[totals[best] > -np.inf]
        count = len(blank)
        kept, blanks, labels = [], [], []
        for one in best:
            if one < count:
                kept.append(int(self._kept[one]))
                blanks.append(blank[one])
                labels.append(label[one])
            else:
                row, class_ = divmod(int(one) - count, self._classes)
                kept.append(self._number(int(self._kept[row]), class_))
                blanks.append(-np.inf)
                labels.append(totals[one])
        self._kept = np.array(kept, np.int64)
        self._blank, self._label = np.array(blanks), np.array(labels)

    def _number(self, parent: int, label: int) -> int:
        found = self._numbers.get((parent, label))
        if found is None:
            found = self._numbers[parent, label] = len(self._labels)
            self._parents.append(parent)
            self._labels.append(label)
        return found

    def best(self, paths: int) -> list[Path]:
        """The most probable prefixes."""
        totals = np.logaddexp(self._blank, self._label)
        order = np.argsort(-totals, kind="stable")[:paths]
        return [Path(self._sequence(int(self._kept[one])), float(totals[one])) for one in order]

    def _sequence(self, number: int) -> tuple[int, ...]:
        found: list[int] = []
        while number:
            found.append(self._labels[number])
            number = self._parents[number]
        return tuple(reversed(found))


def decoded_rows(
    scores: Array, steps: Array | None, method: str, width: int, paths: int
) -> list[Sequence[Path]]:
    """The paths of every row. `steps` are those that are not padding, as [rows, steps]."""
    found: list[Sequence[Path]] = []
    for row, values in enumerate(scores):
        real = values if steps is None else values[steps[row]]
        found.append([greedy(real)] if method == "ctc_greedy" else beam(real, width, paths))
    return found
