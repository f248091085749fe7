"""Regression, similarity and margin losses."""

from typing import ClassVar

from modelspec.core.shapes import Shape

from .loss import Loss, Reduction, Targets
from .setting_types import Fraction, Name, Positive


class NumberLoss(Loss):
    targets: ClassVar[Targets] = "numbers"
    least: ClassVar[float | None] = None
    at_least_0: ClassVar[bool] = True
    """The smallest valid target of the formula, if there is one."""


class MeanSquaredError(NumberLoss):
    """The mean of `(target - output) ** 2`.

    ```yaml
    loss: mse
    ```
    """

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "mean_squared_error"


class MeanAbsoluteError(NumberLoss):
    """The mean of `abs(target - output)`.

    ```yaml
    loss: mae
    ```
    """

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "mean_absolute_error"


class MeanAbsolutePercentageError(NumberLoss):
    """The mean of `100 * abs((target - output) / target)`; targets should not be near zero.

    ```yaml
    loss: mape
    ```
    """

    relative: ClassVar[bool] = True
    saves: ClassVar[int] = 2

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(NumberLoss):
    """The mean of `(log(target + 1) - log(output + 1)) ** 2`; targets and outputs should not be
    negative.

    ```yaml
    loss: msle
    ```
    """

    least: ClassVar[float | None] = 0
    saves: ClassVar[int] = 2

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "mean_squared_logarithmic_error"


class CosineSimilarity(NumberLoss):
    """Minus the cosine of the angle between target and output: -1 if they have the same direction.

    ```yaml
    loss: {CosineSimilarity: {axis: -1}}
    ```
    """

    at_least_0: ClassVar[bool] = False

    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "cosine_similarity"


class Huber(NumberLoss):
    """Quadratic for errors below `delta`, linear above, so that outliers count less.

    ```yaml
    loss: {Huber: 0.5}
    ```

    https://en.wikipedia.org/wiki/Huber_loss
    """

    delta: Positive = 1.0
    """The error at which the loss changes from quadratic to linear."""
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "huber_loss"


class LogCosh(NumberLoss):
    """The mean of `log(cosh(output - target))`: quadratic for small errors, linear for large ones.

    ```yaml
    loss: log_cosh
    ```
    """

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "log_cosh"


class Poisson(NumberLoss):
    """The mean of `output - target * log(output)`, for counts; outputs should be positive.

    ```yaml
    loss: poisson
    ```
    """

    least: ClassVar[float | None] = 0
    at_least_0: ClassVar[bool] = False

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "poisson"


class Hinge(Loss):
    """The mean of `max(1 - target * output, 0)`, for targets of -1 or 1; 0 is read as -1.

    ```yaml
    loss: hinge
    ```
    """

    targets: ClassVar[Targets] = "binary"
    of_margins: ClassVar[bool] = True
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 2

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "hinge"


class SquaredHinge(Loss):
    """The mean of `max(1 - target * output, 0) ** 2`, for targets of -1 or 1; 0 is read as -1.

    ```yaml
    loss: squared_hinge
    ```
    """

    targets: ClassVar[Targets] = "binary"
    of_margins: ClassVar[bool] = True
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 3

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "squared_hinge"


class CategoricalHinge(Loss):
    """`max(neg - pos + 1, 0)`, where `pos` is the score of the true class and `neg` the highest
    other score.

    ```yaml
    loss: categorical_hinge
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    of_margins: ClassVar[bool] = True
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 2

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "categorical_hinge"


class Circle(Loss):
    """Circle loss, which makes embeddings of the same class similar and others dissimilar; outputs
    must be vectors of length 1.

    ```yaml
    loss: {Circle: {gamma: 64, margin: 0.25}}
    ```

    Sun et al., 2020: https://arxiv.org/abs/2002.10857
    """

    targets: ClassVar[Targets] = "identities"

    gamma: Positive = 80.0
    margin: Fraction = 0.4
    remove_diagonal: bool = True
    """Whether to leave out the similarity of each example with itself."""
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "circle"

    def values(self, outputs: Shape) -> Shape | None:
        return outputs[:1]
