"""A metric defined by a formula."""

from typing import ClassVar

from modelspec.core.shapes import Shape

from ..formula.comparing import compared, separate_examples
from ..formula.formula_setting import ComparingFormula
from .loss import Targets
from .metric import Direction, Metric
from .misfit import Misfit, formula_misfit


class Expression(Metric):
    """The mean of a formula of `y_true` and `y_pred`, the targets and the outputs of a batch.

    ```yaml
    metrics:
      - {formula: "abs(y_true - y_pred)", name: distance}
      - {formula: "mean(cast(abs(y_true - y_pred) < 0.5, 'float32'), axis=-1)", name: close}
    ```

    The functions are those of the layer `Expression`. The mean is computed over all results of the
    formula for the examples of an epoch, independent of batches; for the root of a mean (`rmse`)
    use `RootMeanSquaredError` instead.
    """

    targets: ClassVar[Targets] = "any"
    direction: ClassVar[Direction] = None
    keras_module: ClassVar[str] = "modelspec"

    formula: ComparingFormula
    """The formula whose mean is measured, in quotes."""

    def values(self, outputs: Shape) -> Shape | None:
        return compared(self.formula, outputs).result

    def keeps_examples(self, outputs: Shape) -> bool:
        return separate_examples(compared(self.formula, outputs).result, outputs)

    def misfit(self, outputs: Shape) -> Misfit | None:
        return formula_misfit(compared(self.formula, outputs).fault)
