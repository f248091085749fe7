"""What a model predicts for rows of a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from modelspec.core.diagnostics import Diagnostic

from ..data.table import Array


@dataclass(frozen=True)
class Naming:
    """What the entries of an output are called."""

    labels: tuple[str, ...]
    """Along the last axis of its probabilities, or of the output where it does not classify."""
    several: bool = False
    """Whether a row has any number of the labels."""
    probable: bool = True
    """Whether there are probabilities; else scores."""
    separator: str = "|"


@dataclass(frozen=True)
class Predictions:
    """What a model gives for every row of a source, in its order."""

    outputs: Mapping[str, Array]
    """By output; the first axis counts the rows. Numbers of a target whose transform has an inverse
    are in the unit of its column, as float64.
    """
    classes: Mapping[str, Array]
    """The decided class of every row, for outputs whose loss says that they classify: its number,
    or its label where the target was looked up; of several labels 1 for those that a row has.
    """
    warnings: tuple[Diagnostic, ...] = ()
    shares: Mapping[str, Array] = field(default_factory=dict)
    """By output that classifies: the probability of every label, along the last axis."""
    chosen: Mapping[str, Array] = field(default_factory=dict)
    """The same: the probability of the decided class."""
    naming: Mapping[str, Naming] = field(default_factory=dict)
    ids: Mapping[str, Array] = field(default_factory=dict)
    """What tells the rows apart, and columns of the source that were kept, by name."""
    steps: Mapping[str, Array] = field(default_factory=dict)
    """By output of padded sequences: which steps are real, as [rows, steps] of `bool`. Files and
    JSON end, or are empty, where these do; the arrays here have all steps.
    """
    top: int | None = None
    """How many of the most probable labels are written in place of the probability of each."""

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))

    def taken(self, rows: slice) -> Predictions:
        """Some of the rows."""
        return self._of(
            {
                name: {key: values[rows] for key, values in getattr(self, name).items()}
                for name in _ARRAYS
            }
        )

    def followed_by(self, *others: Predictions) -> Predictions:
        """These rows, and then those of other batches of one stream."""
        if not others:
            return self
        parts = (self, *others)
        return self._of(
            {
                name: {
                    key: np.concatenate([getattr(part, name)[key] for part in parts])
                    for key in getattr(self, name)
                }
                for name in _ARRAYS
            }
        )

    def _of(self, arrays: Mapping[str, Mapping[str, Array]]) -> Predictions:
        others = {one.name: getattr(self, one.name) for one in fields(self)}
        return Predictions(**{**others, **arrays})


_ARRAYS = ("outputs", "classes", "shares", "chosen", "ids", "steps")
