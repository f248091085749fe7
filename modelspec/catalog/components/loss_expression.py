"""A loss defined by a formula."""

from typing import ClassVar

from modelspec.core.shapes import Shape

from ..formula.comparing import compared, separate_examples
from ..formula.formula_setting import ComparingFormula
from .loss import Loss, Reduction, Targets
from .misfit import Misfit, formula_misfit


class Expression(Loss):
    """A loss given as a formula of `y_true` and `y_pred`, the targets and the outputs of a batch.

    ```yaml
    loss: {formula: "mean(square(y_true - y_pred), axis=-1)"}
    loss: {formula: "maximum(0.9 * (y_true - y_pred), -0.1 * (y_true - y_pred))", name: pinball}
    ```

    The functions are those of the layer `Expression`. Both tensors are cast to the loss's dtype and
    have the same number of axes; axis 0 is the batch. The result of the formula is averaged
    according to `reduction`. A model trained with a formula is saved without its loss, metrics and
    optimizer: `keras.models.load_model` returns a model for prediction, which must be compiled
    before it is trained further.
    """

    targets: ClassVar[Targets] = "any"
    keras_module: ClassVar[str] = "modelspec"

    formula: ComparingFormula
    """The formula to minimize, in quotes."""
    reduction: Reduction = "sum_over_batch_size"

    def values(self, outputs: Shape) -> Shape | None:
        return compared(self.formula, outputs).result

    def keeps_examples(self, outputs: Shape) -> bool:
        return separate_examples(compared(self.formula, outputs).result, outputs)

    def misfit(self, outputs: Shape) -> Misfit | None:
        return formula_misfit(compared(self.formula, outputs).fault)
