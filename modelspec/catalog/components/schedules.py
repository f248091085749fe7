"""Learning rate schedules: a learning rate that follows the number of steps done."""

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
        """The step from which the rate stays the same, and that rate; None where it never does."""
        raise NotImplementedError


class ExponentialDecay(Schedule):
    """The rate times `decay_rate` every `decay_steps` steps.

    ```yaml
    learning_rate:
      ExponentialDecay: {initial_learning_rate: 0.01, decay_steps: 1000, decay_rate: 0.9}
    ```
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    decay_rate: Positive
    staircase: bool = False
    """Whether the rate falls once every `decay_steps` steps rather than a little at each."""
    name: Name = "ExponentialDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        constant = self.initial_learning_rate == 0 or self.decay_rate == 1
        return (0, self.initial_learning_rate) if constant else None


class InverseTimeDecay(Schedule):
    """The rate divided by `1 + decay_rate * step / decay_steps`.

    ```yaml
    learning_rate:
      InverseTimeDecay: {initial_learning_rate: 0.1, decay_steps: 500, decay_rate: 0.5}
    ```
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    decay_rate: NonNegative
    staircase: bool = False
    """Whether the rate falls once every `decay_steps` steps rather than a little at each."""
    name: Name = "InverseTimeDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        constant = self.initial_learning_rate == 0 or self.decay_rate == 0
        return (0, self.initial_learning_rate) if constant else None


class PolynomialDecay(Schedule):
    """From one rate to another in `decay_steps` steps, on a polynomial; a straight line where
    `power` is 1.

    ```yaml
    learning_rate: {PolynomialDecay: {initial_learning_rate: 0.01, decay_steps: 5000, power: 0.5}}
    ```
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    end_learning_rate: NonNegative = 0.0001
    power: Positive = 1.0
    cycle: bool = False
    """Whether it begins again, more slowly, once it has come to the end."""
    name: Name = "PolynomialDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        if self.initial_learning_rate == self.end_learning_rate:
            return 0, self.end_learning_rate
        return None if self.cycle else (self.decay_steps, self.end_learning_rate)


class CosineDecay(Schedule):
    """Half a cosine wave down to `alpha` times the rate, after a straight rise to `warmup_target`
    where one is set.

    ```yaml
    learning_rate:
      CosineDecay:
        {initial_learning_rate: 0.0, decay_steps: 9000, warmup_target: 0.001, warmup_steps: 1000}
    ```

    Loshchilov and Hutter, 2016: https://arxiv.org/abs/1608.03983; the rise:
    https://arxiv.org/abs/1706.02677
    """

    initial_learning_rate: NonNegative
    decay_steps: Count
    alpha: Fraction = 0.0
    """The rate at the end, as a fraction of the highest one."""
    name: Name = "CosineDecay"
    warmup_target: NonNegative | None = None
    """The rate at the end of the rise."""
    warmup_steps: Whole = 0
    """How many steps the rise takes, before `decay_steps` begin."""

    @property
    def settled(self) -> tuple[int, float] | None:
        highest = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        if highest == self.initial_learning_rate and (highest == 0 or self.alpha == 1):
            return 0, highest
        return self.warmup_steps + self.decay_steps, highest * self.alpha

    @model_validator(mode="after")
    def _warms_up(self) -> Self:
        # Keras takes one without the other: it then leaves out the rise, or the rate that was to
        # start it.
        if self.warmup_steps and self.warmup_target is None:
            refuse(
                "`warmup_steps` has no effect without `warmup_target`",
                "MS208",
                "warmup_steps",
                help="write `warmup_target`, the rate at the end of the rise",
            )
        if self.warmup_target is not None and not self.warmup_steps:
            refuse(
                "`warmup_target` without `warmup_steps` leaves `initial_learning_rate` without"
                " effect",
                "MS208",
                "warmup_target",
                help="write `warmup_steps`, the number of steps of the rise",
            )
        return self


class CosineDecayRestarts(Schedule):
    """Half a cosine wave, again and again, each `t_mul` times as long and `m_mul` times as high as
    the one before.

    ```yaml
    learning_rate: {CosineDecayRestarts: {initial_learning_rate: 0.01, first_decay_steps: 1000}}
    ```

    Loshchilov and Hutter, 2016: https://arxiv.org/abs/1608.03983
    """

    initial_learning_rate: NonNegative
    first_decay_steps: Count
    # Below 1 the waves shrink to nothing after a finite number of steps, and the rate is NaN from
    # there on.
    t_mul: Annotated[float, Field(ge=1)] = 2.0
    m_mul: NonNegative = 1.0
    alpha: Fraction = 0.0
    """The lowest rate, as a fraction of the initial one."""
    name: Name = "SGDRDecay"

    @property
    def settled(self) -> tuple[int, float] | None:
        return (0, 0.0) if self.initial_learning_rate == 0 else None


class PiecewiseConstantDecay(Schedule):
    """One rate up to each boundary and another one after the last.

    ```yaml
    learning_rate: {PiecewiseConstantDecay: {boundaries: [1000, 5000], values: [0.1, 0.01, 0.001]}}
    ```
    """

    boundaries: WholeNumbers
    """Steps, each past the one before."""
    values: tuple[NonNegative, ...]
    """Rates, one more than there are boundaries."""
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
                help="give the rate before, between and after them",
            )
        for index, (before, after) in enumerate(
            zip(self.boundaries, self.boundaries[1:], strict=False), 1
        ):
            if after <= before:
                refuse(
                    f"boundary {after} is not past the one before it, {before}",
                    "MS205",
                    "boundaries",
                    index,
                    help="write the steps in rising order",
                )
        return self
