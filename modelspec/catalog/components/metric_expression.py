"""A metric that is a formula."""

from typing import ClassVar

from ..formula.formula_setting import ComparingFormula
from .loss import Targets
from .metric import Direction, Metric


class Expression(Metric):
    """The mean of a formula on `y_true` and `y_pred`, the targets and the outputs of a batch.

    ```yaml
    metrics:
      - {expression: "abs(y_true - y_pred)", name: distance}
      - {expression: "mean(cast(abs(y_true - y_pred) < 0.5, 'float32'), axis=-1)", name: close}
    ```

    The functions are those of the layer `Expression`. The mean runs over all that the formula gives
    for the examples of an epoch, however they were batched; a root of a mean (`rmse`) is therefore
    none of it: use `RootMeanSquaredError`.
    """

    targets: ClassVar[Targets] = "any"
    direction: ClassVar[Direction] = None
    keras_module: ClassVar[str] = "modelspec"

    formula: ComparingFormula
    """What is averaged; in quotes."""
