"""What a model predicts for rows of a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelspec.core.diagnostics import Diagnostic

from ..data.table import Array


@dataclass(frozen=True)
class Predictions:
    """What a model gives for every row of a source, in its order."""

    outputs: Mapping[str, Array]
    """By output; the first axis counts the rows."""
    classes: Mapping[str, Array]
    """The decided class of every row, for outputs whose loss says that they classify: its number,
    or its label where the target was looked up.
    """
    warnings: tuple[Diagnostic, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))
