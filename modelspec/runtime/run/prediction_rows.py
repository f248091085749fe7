"""The predictions of a model for rows of a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from modelspec.core.diagnostics import Diagnostic

from ..data.table import Array


@dataclass(frozen=True)
class Naming:
    """The names of the entries of an output."""

    labels: tuple[str, ...]
    """The names along the last axis of its probabilities, or of the output if it is not a
    classification.
    """
    several: bool = False
    """Whether a row may have any number of labels."""
    probable: bool = True
    """Whether the values are probabilities, otherwise scores."""
    separator: str = "|"


@dataclass(frozen=True)
class Predictions:
    """The predictions of a model for every row of a source, in order."""

    outputs: Mapping[str, Array]
    """By output; the first axis counts the rows. Values of a target whose transform has an inverse
    are in the unit of its column, as float64.
    """
    classes: Mapping[str, Array]
    """The predicted class of every row, for outputs with a classification loss: its number, or its
    label if the target has a lookup; with several labels, 1 for those that a row has.
    """
    warnings: tuple[Diagnostic, ...] = ()
    shares: Mapping[str, Array] = field(default_factory=dict)
    """By output with a classification loss: the probability of every label, along the last axis."""
    chosen: Mapping[str, Array] = field(default_factory=dict)
    """The same: the probability of the predicted class."""
    naming: Mapping[str, Naming] = field(default_factory=dict)
    ids: Mapping[str, Array] = field(default_factory=dict)
    """The columns that identify the rows, and kept columns of the source, by name."""
    steps: Mapping[str, Array] = field(default_factory=dict)
    """By output of padded sequences: which steps are not padding, as [rows, steps] of `bool`. In
    files and JSON, padding is removed or empty; the arrays here have all steps.
    """
    top: int | None = None
    """The number of most probable labels that are written instead of the probability of
    each label.
    """

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))

    def taken(self, rows: slice) -> Predictions:
        """A slice of the rows."""
        return self._of(
            {
                name: {key: values[rows] for key, values in getattr(self, name).items()}
                for name in _ARRAYS
            }
        )

    def followed_by(self, *others: Predictions) -> Predictions:
        """These rows, followed by those of other batches of the same stream."""
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
