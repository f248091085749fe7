"""Constraints, which are applied to a layer's weights after each training step."""

from typing import Self

from pydantic import model_validator

from modelspec.core.settings import refuse

from .constraint import Constraint
from .setting_types import Axes, Fraction, NonNegative, Positive


class MaxNorm(Constraint):
    """Scales down weights whose norm along the axis exceeds a limit.

    ```yaml
    kernel_constraint: {MaxNorm: {max_value: 3, axis: [0, 1, 2]}}
    ```

    Srivastava et al., 2014: https://jmlr.org/papers/v15/srivastava14a.html
    """

    max_value: Positive = 2
    axis: Axes = 0
    """The axis or axes along which the norm is computed: 0 for each unit of a `Dense` layer, `[0,
    1, 2]` for each filter of a `Conv2D`.
    """


class MinMaxNorm(Constraint):
    """Scales weights so that their norm along the axis is between two limits.

    ```yaml
    kernel_constraint: {MinMaxNorm: {min_value: 0.5, max_value: 2.0}}
    ```
    """

    min_value: NonNegative = 0.0
    max_value: Positive = 1.0
    rate: Fraction = 1.0
    """How far each step moves the norm into its range, from 0 to 1; 1 enforces it strictly."""
    axis: Axes = 0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_value > self.max_value:
            refuse(
                f"min_value {self.min_value} is above max_value {self.max_value}",
                "MS208",
                "min_value",
                help="swap the two, or increase `max_value`",
            )
        return self


class NonNeg(Constraint):
    """Sets negative weights to zero.

    ```yaml
    kernel_constraint: non_neg
    ```
    """


class UnitNorm(Constraint):
    """Scales weights so that their norm along the axis is 1.

    ```yaml
    kernel_constraint: {UnitNorm: {axis: 0}}
    ```
    """

    axis: Axes = 0
