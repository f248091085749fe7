"""Prepared examples: those of a source, of a part, and all the data of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from .adapted_state import State
from .cache import Explanation
from .columns import Binding
from .epoch_order import order, taken_in_place, type_of_positions
from .example_weights import Balanced
from .random_inputs import RandomInput
from .split import Positions, everything
from .table import Array, Table
from .varied import Variation

if TYPE_CHECKING:
    from .balanced_sampling import Sampling
    from .slices import PartSlice
    from .windows import Windows

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Examples:
    """The examples of one source, in the form that the model takes. The first axis of every array
    is the examples; for windows, which take several rows each, it is the rows.
    """

    inputs: Arrays
    """The arrays by model input."""
    targets: Arrays
    """The arrays by model output; empty where targets were not requested."""
    count: int
    table: Table
    outputs: tuple[str, ...]
    """All outputs of the model, including those without targets."""
    rows: Array | None = None
    """The row of each example in the source, for a window its last row; None: its position."""
    weights: Array | None = None
    """The weight of each example, in training and evaluation."""
    class_weights: Arrays = field(default_factory=dict)
    """By output: the weight of each example in training for its class."""
    balanced: Mapping[str, Balanced] = field(default_factory=dict)
    """By output: the classes from which balanced weights of steps are computed."""
    augment: Mapping[str, Variation] = field(default_factory=dict)
    """By input: the layers that vary it in training, and the tensors that vary with it."""
    sampling: Sampling | None = None
    """How each epoch of the training draws from the examples; None: each once."""
    random: Mapping[str, RandomInput] = field(default_factory=dict)
    """By input without a column: the random numbers that feed it."""
    windows: Windows | None = None
    """The rows of each example; None: the row at its position."""
    objective: bool = False
    """Whether the terms of an objective read targets, and are weighted as the examples."""

    @property
    def alone(self) -> tuple[str, ...]:
        """The targets that no output of the model is compared with."""
        return tuple(name for name in self.targets if name not in self.outputs)

    def in_windows(self, windows: Windows) -> Examples:
        """The same rows, with windows as the examples."""
        return replace(self, windows=windows, count=len(windows), rows=windows.last_rows)

    def rows_of(self, kind: str, chosen: Positions) -> Positions:
        """The places that some examples take in the arrays of `inputs` or `targets`, each once,
        ascending.
        """
        return chosen if self.windows is None else self.windows.rows_of(kind, chosen)


@dataclass(frozen=True)
class Part:
    """Some of the examples of a source."""

    examples: Examples
    positions: Positions
    """Their positions in the source, ascending."""
    members: Positions | None = None
    """The rows of the part where its examples are windows; None: the rows of its examples."""

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def epoch_size(self) -> int:
        """The number of examples of an epoch of the training."""
        sampling = self.examples.sampling
        return len(self) if sampling is None else sampling.size(self.positions)

    @cached_property
    def type_in_epoch(self) -> Any:
        """The type of the positions of an epoch."""
        return type_of_positions(self.positions)

    def in_epoch(self, seed: int, epoch: int) -> Array:
        """The positions of the examples of an epoch (from 0), in its order. They depend only on the
        seed and the epoch.
        """
        sampling = self.examples.sampling
        drawn = self.positions if sampling is None else sampling.drawn(self.positions, seed, epoch)
        return taken_in_place(drawn, order(seed, epoch, len(drawn), self.type_in_epoch))

    @property
    def rows(self) -> Positions:
        """The rows of the part, as places in the source."""
        if self.members is not None:
            return self.members
        rows = self.examples.rows
        return self.positions if rows is None else rows[self.positions]

    def rows_of(self, kind: str) -> Positions:
        """The places that its examples take in the arrays of `inputs` or `targets`."""
        return self.examples.rows_of(kind, self.positions)


@dataclass(frozen=True)
class Prepared:
    """All the data of a training run."""

    compiled: Compiled
    """The spec with every `auto` resolved."""
    binding: Binding
    parts: Mapping[str, Part]
    """`train`, and `validation` and `test` where the spec has them."""
    warnings: tuple[Diagnostic, ...]
    state: State = field(default_factory=lambda: State({}))
    """What was learned from the training split."""
    cache: tuple[Explanation, ...] = ()
    """How the prepared data of each source was stored."""
    slices: Mapping[str, tuple[PartSlice, ...]] = field(default_factory=dict)
    """By measured part: its slices that the spec names."""
    stages: tuple[Prepared, ...] = ()
    """The data of each stage of the training, if it has stages."""

    def save(self, folder: Path) -> None:
        """Saves what `evaluate` and `predict` require besides the model to a run folder. Raises
        `OSError`.
        """
        if not self.state.empty:
            self.state.save(folder)


def sizes_of(parts: Mapping[str, Part]) -> dict[str, int]:
    """The number of examples of each part; of the training part, those of an epoch."""
    return {name: one.epoch_size if name == "train" else len(one) for name, one in parts.items()}


def whole(examples: Examples) -> Part:
    """All examples of a source."""
    return Part(examples, everything(examples.count))
