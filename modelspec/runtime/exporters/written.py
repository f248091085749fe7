"""What a format made of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..data.table import Array
from .checked_batches import Batch

Outputs = Mapping[str, Array]


@dataclass(frozen=True)
class Written:
    """What a format made."""

    open: Callable[[], Callable[[Batch], Outputs]]
    """Opens the written file: what it then gives for a batch, by output; and by `<output>_class`
    where it gives labels.
    """
    inside: bool = False
    """Whether it takes the columns of rows, and gives numbers of the targets' columns."""
    notices: tuple[str, ...] = ()
    """What whoever uses it should know."""
    inputs: tuple[str, ...] = ()
    """What it takes, as the file names it."""
    outputs: tuple[str, ...] = ()
    """What it gives, as the file names it."""
    left_out: tuple[str, ...] = ()
    """What `predict` does and it does not, beside the preparation."""
    note: Callable[[str], None] | None = None
    """Puts a text about the export into the file, where it has a place for one."""
    most: int | None = None
    """How many rows of a batch it is run on; None for all."""
    prepares: bool = False
    """Whether it prepares rows, and gives what the model gives."""
