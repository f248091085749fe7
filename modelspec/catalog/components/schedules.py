"""Learning rate schedules: the learning rate as a function of the training step."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.settings import refuse

from .setting_types import (
    Component,
    Count,
    Fraction,
    Name,
    NonNegative,
    Positive,
    Whole,
    WholeNumbers,
)


class Schedule(Component):
    keras_module: ClassVar[str] = "optimizers.schedules"
    common: ClassVar[tuple[str, ...]] = ("name",)

    @property
    def settled(self) -> tuple[int, float] | None:
        """The step from which the rate is constant, and that rate; None if there is none."""
        raise NotImplementedError


class ExponentialDecay(Schedule):
    """Multiplies the rate by `decay_rate` every `decay_steps` steps.

    ```yaml
    learning_rate:
      ExponentialDecay: {initial_learning_rate: 0.01, decay_steps: 1000, decay_rate: 0.9}
    ```
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    decay_rate: Positive
    staircase: bool = False
    """Whether the learning rate changes only every `decay_steps` steps rather than at each step."""
    name: Name = "ExponentialDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        constant = self.initial_learning_rate == 0 or self.decay_rate == 1
        return (0, self.initial_learning_rate) if constant else None


class InverseTimeDecay(Schedule):
    """Divides the rate by `1 + decay_rate * step / decay_steps`.

    ```yaml
    learning_rate:
      InverseTimeDecay: {initial_learning_rate: 0.1, decay_steps: 500, decay_rate: 0.5}
    ```
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    decay_rate: NonNegative
    staircase: bool = False
    """Whether the learning rate changes only every `decay_steps` steps rather than at each step."""
    name: Name = "InverseTimeDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        constant = self.initial_learning_rate == 0 or self.decay_rate == 0
        return (0, self.initial_learning_rate) if constant else None


class PolynomialDecay(Schedule):
    """Polynomial decay from one rate to another in `decay_steps` steps; linear if `power` is 1.

    ```yaml
    learning_rate: {PolynomialDecay: {initial_learning_rate: 0.01, decay_steps: 5000, power: 0.5}}
    ```
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    end_learning_rate: NonNegative = 0.0001
    power: Positive = 1.0
    cycle: bool = False
    """Whether the decay restarts after `decay_steps` steps, each time over more steps."""
    name: Name = "PolynomialDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        if self.initial_learning_rate == self.end_learning_rate:
            return 0, self.end_learning_rate
        return None if self.cycle else (self.decay_steps, self.end_learning_rate)


class CosineDecay(Schedule):
    """Cosine decay to `alpha` times the rate, optionally after a linear warmup to `warmup_target`.

    ```yaml
    learning_rate:
      CosineDecay:
        {initial_learning_rate: 0.0, decay_steps: 9000, warmup_target: 0.001, warmup_steps: 1000}
    ```

    Loshchilov and Hutter, 2016: https://arxiv.org/abs/1608.03983; warmup:
    https://arxiv.org/abs/1706.02677
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    alpha: Fraction = 0.0
    """The final learning rate as a fraction of `warmup_target`, or of `initial_learning_rate`
    without one.
    """
    name: Name = "CosineDecay"
    warmup_target: NonNegative | None = None
    """The learning rate at the end of the warmup; `null` has no warmup."""
    warmup_steps: Whole = 0
    """The number of steps of the warmup, before those of `decay_steps`."""

    @property
    def settled(self) -> tuple[int, float] | None:
        highest = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        if highest == self.initial_learning_rate and (highest == 0 or self.alpha == 1):
            return 0, highest
        return self.warmup_steps + self.decay_steps, highest * self.alpha

    @model_validator(mode="after")
    def _warms_up(self) -> Self:
        # Keras accepts one without the other: it then ignores the warmup, or its initial rate.
        if self.warmup_steps and self.warmup_target is None:
            refuse(
                "`warmup_steps` has no effect without `warmup_target`",
                "MS208",
                "warmup_steps",
                help="set `warmup_target`, the rate at the end of the warmup",
            )
        if self.warmup_target is not None and not self.warmup_steps:
            refuse(
                "`warmup_target` without `warmup_steps` leaves `initial_learning_rate` without"
                " effect",
                "MS208",
                "warmup_target",
                help="set `warmup_steps`, the number of steps of the warmup",
            )
        return self


class CosineDecayRestarts(Schedule):
    """Cosine decay with restarts: each period is `t_mul` times as long and `m_mul` times as high as
    the one before.

    ```yaml
    learning_rate: {CosineDecayRestarts: {initial_learning_rate: 0.01, first_decay_steps: 1000}}
    ```

    Loshchilov and Hutter, 2016: https://arxiv.org/abs/1608.03983
    """

    initial_learning_rate: NonNegative
    first_decay_steps: Count
    # Below 1 the periods shrink to zero after a finite number of steps, and the rate is NaN
    # afterwards.
    t_mul: Annotated[float, Field(ge=1)] = 2.0
    m_mul: NonNegative = 1.0
    alpha: Fraction = 0.0
    """The smallest learning rate as a fraction of `initial_learning_rate`."""
    name: Name = "SGDRDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        return (0, 0.0) if self.initial_learning_rate == 0 else None


class PiecewiseConstantDecay(Schedule):
    """A constant rate up to each boundary and after the last one.

    ```yaml
    learning_rate: {PiecewiseConstantDecay: {boundaries: [1000, 5000], values: [0.1, 0.01, 0.001]}}
    ```
    """

    boundaries: WholeNumbers
    """The last step of each value except the last value, ascending."""
    values: tuple[NonNegative, ...]
    """The learning rates, one more than `boundaries`."""
    name: Name = "PiecewiseConstant"

    @property
    def settled(self) -> tuple[int, float] | None:
        if len(set(self.values)) == 1:
            return 0, self.values[-1]
        return self.boundaries[-1] + 1, self.values[-1]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.values) != len(self.boundaries) + 1:
            refuse(
                f"{len(self.boundaries)} boundaries need {len(self.boundaries) + 1} values, "
                f"found {len(self.values)}",
                "MS208",
                "values",
                help="set the rate before, between and after them",
            )
        for index, (before, after) in enumerate(
            zip(self.boundaries, self.boundaries[1:], strict=False), 1
        ):
            if after <= before:
                refuse(
                    f"boundary {after} is not above the one before it, {before}",
                    "MS205",
                    "boundaries",
                    index,
                    help="write the steps in increasing order",
                )
        return self
