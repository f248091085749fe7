"""Base class of metrics: name and dtype, kind of targets, and the direction of improvement."""

from typing import ClassVar, Final, Literal, TypeAlias

from modelspec.core.registry import snake_case
from modelspec.core.shapes import Shape

from .loss import Targets
from .misfit import Misfit, along_examples, without_axis
from .setting_types import Component, MetricDtype, Name

Direction: TypeAlias = Literal["up", "down"] | None
"""Keras's direction of improvement: a callback's `mode: auto` uses it, and fails if it is None."""
Bounds: TypeAlias = tuple[float | None, float | None]
"""The smallest and the largest value; None for no limit."""
SHARE: Final[Bounds] = (0.0, 1.0)
AT_LEAST_0: Final[Bounds] = (0.0, None)


class Metric(Component):
    """A metric, measured in addition to the loss."""

    keras_module: ClassVar[str] = "metrics"
    common: ClassVar[tuple[str, ...]] = ("name", "dtype")
    targets: ClassVar[Targets]
    direction: ClassVar[Direction] = "up"
    lies_in: ClassVar[Bounds] = (None, None)
    """The range of its values."""
    in_any_unit: ClassVar[bool] = False
    """Whether it can be converted to the unit of the target's column, independent of the unit used
    in training.
    """
    of_probabilities: ClassVar[bool] = False
    """Whether it is only meaningful for outputs from 0 to 1."""
    relative: ClassVar[bool] = False
    """Whether it divides by the targets."""
    along_units: ClassVar[bool] = False
    """Whether it compares the units of an example with each other, so that it requires several."""

    sums_in: ClassVar[str | None] = None
    """The default dtype if Keras's is not a float, which would truncate fractional weights."""

    name: Name = None
    dtype: MetricDtype | None = None

    @property
    def takes(self) -> Targets:
        """The kind of targets with these settings."""
        return self.targets

    @property
    def takes_probabilities(self) -> bool:
        """Whether outputs must be probabilities with these settings."""
        return self.of_probabilities and not getattr(self, "from_logits", False)

    def numbers(self, units: int | None) -> int | None:
        """The number of values it gives for an output with this number of units (None if unknown);
        None if it cannot be inferred. Several values are logged as `name_0`, `name_1`, ...
        """
        return 1

    def values(self, outputs: Shape) -> Shape | None:
        """The shape of the values of a batch before their mean; None if it is that of the outputs
        without their last axis, or if the metric is not a mean of values.
        """
        return without_axis(getattr(self, "axis", -1), outputs) if self.along_units else None

    def keeps_examples(self, outputs: Shape) -> bool:
        """Whether each example has separate values, which can be weighted."""
        return not (self.along_units and along_examples(getattr(self, "axis", -1), outputs))

    def misfit(self, outputs: Shape) -> Misfit | None:
        """Why outputs of the shape (batch first) cannot be compared; None if they can."""
        return None

    @property
    def log_name(self) -> str:
        """Its name in logs, before the output's name and `val_` are prepended."""
        return self.name or snake_case(self.kind())
