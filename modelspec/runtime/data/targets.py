"""An output that is trained: its type, its loss, and where its targets come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelspec.compiler.spec.training_section import Training
from modelspec.core.settings import Settings
from modelspec.core.shapes import Shape, Tensor

from .columns import Bound
from .table import Array, Table


@dataclass(frozen=True)
class Target:
    """One output to be trained: its type, its loss, and the columns its targets come from."""

    output: str
    tensor: Tensor
    loss: Settings | None
    bound: Bound
    table: Table
    rows: Array | None = None
    """The place of each example in the source; None: its own."""
    labels: tuple[Any, ...] | None = None
    """The label of each class, where the target is looked up."""
    partial: bool = False
    """Whether these are some of the examples only: that all have one class then says nothing."""
    measured: bool = True
    """Whether something is measured against it; a spec without `training` does not say what it is
    compared with.
    """
    of_rows: bool = False
    """Whether these are the rows of targets of several, so that `tensor` lacks the axis of time."""

    @property
    def encoding(self) -> str:
        """What the loss takes: `indices`, `one_hot`, `binary`, `numbers`, ...; `any` where it does
        not say.
        """
        return getattr(self.loss, "targets", "any")

    @property
    def class_axis(self) -> int:
        """The axis of the output (batch axis counted) along which the classes are."""
        axis = getattr(self.loss, "axis", -1)
        if self.of_rows and isinstance(axis, int) and axis > 0:
            axis -= 1
        return axis % self.tensor.rank if isinstance(axis, int) else self.tensor.rank - 1

    @property
    def shape(self) -> Shape:
        """The shape of one example's target."""
        sizes = self.tensor.shape
        if self.encoding in ("indices", "identities"):
            return (*sizes[1 : self.class_axis], *sizes[self.class_axis + 1 :])
        return sizes[1:]

    @property
    def subject(self) -> str:
        return f"output `{self.output}`"

    def place(self, index: tuple[int, ...]) -> str:
        """The place of an entry of the target in the source."""
        first = index[0] if self.rows is None else int(self.rows[index[0]])
        return self.bound.place(self.table, (first, *index[1:]))


def loss_of(training: Training | None, output: str) -> Settings | None:
    """The loss of an output, where it has one."""
    chosen = training.losses.get(output) if training else None
    return chosen.settings if chosen and isinstance(chosen.settings, Settings) else None
