"""The result of writing a model in a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..data.table import Array
from .checked_batches import Batch

Outputs = Mapping[str, Array]


@dataclass(frozen=True)
class Written:
    """A written model."""

    open: Callable[[], Callable[[Batch], Outputs]]
    """Opens the written file; returns its outputs for a batch, by name, and by `<output>_class` for
    labels.
    """
    inside: bool = False
    """Whether it takes the columns of rows, and returns values in the units of the targets'
    columns.
    """
    notices: tuple[str, ...] = ()
    """Notes for users."""
    inputs: tuple[str, ...] = ()
    """Its inputs, as named in the file."""
    outputs: tuple[str, ...] = ()
    """Its outputs, as named in the file."""
    left_out: tuple[str, ...] = ()
    """The steps of `predict` that it lacks, besides the preparation."""
    note: Callable[[str], None] | None = None
    """Adds a text about the export to the file, if the file supports it."""
    most: int | None = None
    """The number of rows of a batch on which it is run; None for all."""
    prepares: bool = False
    """Whether it prepares rows, and returns the outputs of the model."""
