"""Prepared examples: those of a source, a part of them, and all that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import Chain
from modelspec.core.diagnostics import Diagnostic

from .adapted_state import State
from .cache import Explanation
from .columns import Binding
from .example_weights import Balanced
from .split import Positions, everything
from .table import Array, Table

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Examples:
    """The examples of one source, as the model takes them; the first axis of every array counts
    them.
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
    """The place of each example in the source; None: its own."""
    weights: Array | None = None
    """How much each example counts, wherever it is used."""
    class_weights: Arrays = field(default_factory=dict)
    """By output: how much each example counts in training for its class."""
    balanced: Mapping[str, Balanced] = field(default_factory=dict)
    """By output: what weights of steps follow from that have to count the same in every class."""
    augment: Mapping[str, Chain] = field(default_factory=dict)
    """By input: layers that vary the examples in training."""


@dataclass(frozen=True)
class Part:
    """Some of the examples of a source."""

    examples: Examples
    positions: Positions
    """Which, in ascending order."""

    def __len__(self) -> int:
        return len(self.positions)


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
