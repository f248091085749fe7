"""Prepared examples: those of a source, a part of them, and all that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from .adapted_state import State
from .cache import Explanation
from .columns import Binding
from .example_weights import Balanced
from .random_inputs import RandomInput
from .split import Positions, everything
from .table import Array, Table
from .varied import Variation

if TYPE_CHECKING:
    from .windows import Windows

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Examples:
    """The examples of one source, as the model takes them; the first axis of every array counts
    them. Examples that are windows take several rows each of the arrays, whose first axis then
    counts the rows.
    """

    inputs: Arrays
    """By model input."""
    targets: Arrays
    """By model output; empty where they were not asked for."""
    count: int
    table: Table
    outputs: tuple[str, ...]
    """The model's outputs, those without targets included."""
    rows: Array | None = None
    """The place of each example in the source, of a window that of its last row; None: its own."""
    weights: Array | None = None
    """How much each example counts, wherever it is used."""
    class_weights: Arrays = field(default_factory=dict)
    """By output: how much each example counts in training for its class."""
    balanced: Mapping[str, Balanced] = field(default_factory=dict)
    """By output: what weights of steps follow from that have to count the same in every class."""
    augment: Mapping[str, Variation] = field(default_factory=dict)
    """By input: layers that vary the examples in training, and what they vary with it."""
    random: Mapping[str, RandomInput] = field(default_factory=dict)
    """By input: what is drawn in place of a column."""
    windows: Windows | None = None
    """Which rows each example takes; None: the one of its number."""

    def in_windows(self, windows: Windows) -> Examples:
        """The same rows as windows of them."""
        return replace(self, windows=windows, count=len(windows), rows=windows.last_rows)

    def rows_of(self, kind: str, chosen: Positions) -> Positions:
        """The places in the arrays of `inputs` or `targets` that some examples take, each once and
        ascending.
        """
        return chosen if self.windows is None else self.windows.rows_of(kind, chosen)


@dataclass(frozen=True)
class Part:
    """Some of the examples of a source."""

    examples: Examples
    positions: Positions
    """Which, in ascending order."""
    members: Positions | None = None
    """The rows of the part, where its examples are windows; None: its examples."""

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def rows(self) -> Positions:
        """The rows that are in the part, by their place in the source."""
        if self.members is not None:
            return self.members
        rows = self.examples.rows
        return self.positions if rows is None else rows[self.positions]

    def rows_of(self, kind: str) -> Positions:
        """The places in the arrays of `inputs` or `targets` that its examples take."""
        return self.examples.rows_of(kind, self.positions)


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs of the data."""

    compiled: Compiled
    """The spec with every `auto` known."""
    binding: Binding
    parts: Mapping[str, Part]
    """`train`, and `validation` and `test` where there are any."""
    warnings: tuple[Diagnostic, ...]
    state: State = field(default_factory=lambda: State({}))
    """What was learned from the training split."""
    cache: tuple[Explanation, ...] = ()
    """What became of the prepared data of each source."""

    def save(self, folder: Path) -> None:
        """Puts what `evaluate` and `predict` need beside the model into a run folder. Raises
        `OSError`.
        """
        if not self.state.empty:
            self.state.save(folder)


def whole(examples: Examples) -> Part:
    """All examples of a source."""
    return Part(examples, everything(examples.count))
