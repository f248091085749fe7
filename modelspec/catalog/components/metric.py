"""What metrics share: a name and a dtype, the targets they take, and which way is better."""

from typing import ClassVar, Literal, TypeAlias

from modelspec.core.registry import snake_case

from .loss import Targets
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

    name: Name = None
    dtype: MetricDtype | None = None

    @property
    def takes(self) -> Targets:
        """What the metric's targets hold, its settings taken into account."""
        return self.targets

    @property
    def log_name(self) -> str:
        """What it is called in logs, before the output's name and `val_` are put in front."""
        return self.name or snake_case(self.kind())
