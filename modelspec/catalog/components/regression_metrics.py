"""Metrics between numbers: errors, correlations, margins."""

from typing import ClassVar, Literal

from modelspec.core.shapes import Shape

from .loss import Targets
from .metric import AT_LEAST_0, Bounds, Direction, Metric
from .misfit import Misfit, without_known_units
from .setting_types import Name, Whole


class NumberMetric(Metric):
    targets: ClassVar[Targets] = "numbers"


class NumberError(NumberMetric):
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0
    in_any_unit: ClassVar[bool] = True


class MeanSquaredError(NumberError):
    """The mean of `(target - output) ** 2`.

    ```yaml
    metrics: [mse]
    ```
    """

    name: Name = "mean_squared_error"


class RootMeanSquaredError(NumberError):
    """The root of the mean of `(target - output) ** 2`.

    ```yaml
    metrics: [{RootMeanSquaredError: {name: rmse}}]
    ```
    """

    name: Name = "root_mean_squared_error"


class MeanAbsoluteError(NumberError):
    """The mean of `abs(target - output)`.

    ```yaml
    metrics: [mae]
    ```
    """

    name: Name = "mean_absolute_error"


class MeanAbsolutePercentageError(NumberError):
    """The mean of `100 * abs((target - output) / target)`.

    ```yaml
    metrics: [mape]
    ```
    """

    relative: ClassVar[bool] = True

    name: Name = "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(NumberError):
    """The mean of `(log(target + 1) - log(output + 1)) ** 2`.

    ```yaml
    metrics: [msle]
    ```
    """

    name: Name = "mean_squared_logarithmic_error"


class LogCoshError(NumberError):
    """The mean of `log(cosh(output - target))`.

    ```yaml
    metrics: [LogCoshError]
    ```
    """

    name: Name = "logcosh"


class CosineSimilarity(NumberMetric):
    """The cosine of the angle between target and output: 1 if they have the same direction.

    ```yaml
    metrics: [cosine_similarity]
    ```

    https://en.wikipedia.org/wiki/Cosine_similarity
    """

    along_units: ClassVar[bool] = True
    lies_in: ClassVar[Bounds] = (-1.0, 1.0)

    name: Name = "cosine_similarity"
    axis: int = -1


class R2Score(NumberMetric):
    """The coefficient of determination: 1 is a perfect prediction, 0 is as good as predicting the
    mean of the targets.

    ```yaml
    metrics: [R2Score]
    ```

    https://en.wikipedia.org/wiki/Coefficient_of_determination
    """

    lies_in: ClassVar[Bounds] = (None, 1.0)
    in_any_unit: ClassVar[bool] = True

    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = (
        "uniform_average"
    )
    """How the scores of several outputs become one: `uniform_average` or
    `variance_weighted_average`; `null` gives one score per output.
    """
    num_regressors: Whole = 0
    """The number of independent regressors of the adjusted R2 score; 0 is the standard score."""
    name: Name = "r2_score"

    def numbers(self, units: int | None) -> int | None:
        return units if self.class_aggregation is None else 1

    def misfit(self, outputs: Shape) -> Misfit | None:
        if not self.num_regressors:
            return without_known_units(outputs)
        return Misfit(
            "requires the number of examples for `num_regressors`, which Keras does not support in"
            " training",
            "num_regressors",
            "leave out `num_regressors`",
        )


class PearsonCorrelation(NumberMetric):
    """The linear correlation of targets and outputs, from -1 to 1.

    ```yaml
    metrics: [PearsonCorrelation]
    ```

    https://en.wikipedia.org/wiki/Pearson_correlation_coefficient
    """

    along_units: ClassVar[bool] = True
    lies_in: ClassVar[Bounds] = (-1.0, 1.0)

    name: Name = "pearson_correlation"
    axis: int = -1


class ConcordanceCorrelation(NumberMetric):
    """A correlation of targets and outputs that also decreases if their means or variances differ.

    ```yaml
    metrics: [{ConcordanceCorrelation: {axis: 0}}]
    ```

    https://en.wikipedia.org/wiki/Concordance_correlation_coefficient
    """

    along_units: ClassVar[bool] = True
    lies_in: ClassVar[Bounds] = (-1.0, 1.0)

    name: Name = "concordance_correlation"
    axis: int = -1


class Hinge(Metric):
    """The mean of `max(1 - target * output, 0)`, for targets of -1 or 1; 0 is read as -1.

    ```yaml
    metrics: [hinge]
    ```
    """

    targets: ClassVar[Targets] = "binary"
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    name: Name = "hinge"


class SquaredHinge(Metric):
    """The mean of `max(1 - target * output, 0) ** 2`, for targets of -1 or 1; 0 is read as -1.

    ```yaml
    metrics: [squared_hinge]
    ```
    """

    targets: ClassVar[Targets] = "binary"
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    name: Name = "squared_hinge"


class CategoricalHinge(Metric):
    """`max(neg - pos + 1, 0)`, where `pos` is the score of the true class and `neg` the highest
    other score.

    ```yaml
    metrics: [categorical_hinge]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    name: Name = "categorical_hinge"
