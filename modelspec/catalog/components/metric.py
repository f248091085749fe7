"""What metrics share: a name and a dtype, the targets they take, and which way is better."""

from typing import ClassVar, Literal, TypeAlias

from modelspec.core.registry import snake_case
from modelspec.core.shapes import Shape

from .loss import Targets
from .misfit import Misfit, along_examples
from .setting_types import Component, MetricDtype, Name

Direction: TypeAlias = Literal["up", "down"] | None
"""Which way is better, as Keras knows it: a callback's `mode: auto` follows it, and fails where it
is None.
"""


class Metric(Component):
    """What is measured beside the loss."""

    keras_module: ClassVar[str] = "metrics"
    common: ClassVar[tuple[str, ...]] = ("name", "dtype")
    targets: ClassVar[Targets]
    direction: ClassVar[Direction] = "up"
    of_probabilities: ClassVar[bool] = False
    """Whether its number has a meaning for outputs from 0 to 1 alone."""
    relative: ClassVar[bool] = False
    """Whether it divides by the targets."""
    along_units: ClassVar[bool] = False
    """Whether it compares the units of an example with each other, so that it needs several."""

    sums_in: ClassVar[str | None] = None
    """The dtype to compute in where none is written and Keras's own is no float: it would cut the
    fractions of weights off.
    """

    name: Name = None
    dtype: MetricDtype | None = None

    @property
    def takes(self) -> Targets:
        """What the metric's targets hold, its settings taken into account."""
        return self.targets

    @property
    def takes_probabilities(self) -> bool:
        """Whether outputs must be probabilities, its settings taken into account."""
        return self.of_probabilities and not getattr(self, "from_logits", False)

    def numbers(self, units: int | None) -> int | None:
        """How many numbers it gives for an output of so many units (None: not known); None where
        that cannot be told. More than one are logged as `name_0`, `name_1`, ...
        """
        return 1

    def keeps_examples(self, outputs: Shape) -> bool:
        """Whether each example has values of its own, which can be weighed."""
        return not (self.along_units and along_examples(getattr(self, "axis", -1), outputs))

    def misfit(self, outputs: Shape) -> Misfit | None:
        """Why outputs of the shape, the batch first, cannot be compared; None where they can."""
        return None

    @property
    def log_name(self) -> str:
        """What it is called in logs, before the output's name and `val_` are put in front."""
        return self.name or snake_case(self.kind())
