"""A trained output: its type, its loss, and the source of its targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelspec.catalog.components import METRICS
from modelspec.catalog.components.metric import Metric
from modelspec.compiler.spec.training_section import Chosen, Training
from modelspec.core.settings import Settings
from modelspec.core.shapes import Shape, Tensor

from .columns import Bound
from .table import Array, Table


@dataclass(frozen=True)
class Target:
    """One trained output: its type, its loss, and the columns of its targets."""

    output: str
    tensor: Tensor
    loss: Settings | None
    """Its loss, or the metric that determines its targets."""
    bound: Bound
    table: Table
    rows: Array | range | None = None
    """The position of each example in the source; None: its own."""
    labels: tuple[Any, ...] | None = None
    """The label of each class, if a lookup makes the target."""
    partial: bool = False
    """Whether these are only some of the examples: a single class among them is then no problem."""
    measured: bool = True
    """Whether a loss or a metric uses it; without `training` a spec does not define the
    comparison.
    """
    of_rows: bool = False
    """Whether these are the rows of targets over several steps, so `tensor` lacks the time axis."""
    either: bool = False
    """Whether they may be class indices as well as values of the output's shape."""

    @property
    def encoding(self) -> str:
        """The form that the loss requires: `indices`, `one_hot`, `binary`, `numbers`, ...; `any` if
        it is not defined.
        """
        return getattr(self.loss, "targets", "any")

    @property
    def class_axis(self) -> int:
        """The axis of the output (including the batch axis) that contains the classes."""
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
    """The loss of an output, if it has one."""
    chosen = training.losses.get(output) if training else None
    return chosen.settings if chosen and isinstance(chosen.settings, Settings) else None


def measure_of(training: Training | None, output: str) -> Metric | None:
    """The metric that determines the targets of an output without a loss: the first one that
    compares class indices.
    """
    if training is None or output in training.losses:
        return None
    found = (one.settings for one in _metrics(training, output))
    metrics = (one for one in found if isinstance(one, Metric))
    return next((one for one in metrics if one.takes == "indices"), None)


def takes_either(training: Training | None, output: str) -> bool:
    """Whether an output without a loss is only measured by metrics that Keras chooses by the shape
    of the targets (`accuracy`).
    """
    if training is None or output in training.losses:
        return False
    found = [one.settings for one in _metrics(training, output)]
    return all(isinstance(one, str) and one.lower() in METRICS.by_shape for one in found)


def _metrics(training: Training, output: str) -> tuple[Chosen, ...]:
    return (*training.metrics.get(output, ()), *training.weighted_metrics.get(output, ()))
