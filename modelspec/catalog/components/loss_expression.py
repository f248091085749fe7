"""A loss that is a formula."""

from typing import ClassVar

from modelspec.core.shapes import Shape

from ..formula.formula_setting import ComparingFormula
from .loss import Loss, Reduction, Targets


class Expression(Loss):
    """A loss by formula on `y_true` and `y_pred`, the targets and the outputs of a batch.

    ```yaml
    loss: {expression: "mean(square(y_true - y_pred), axis=-1)"}
    loss: {expression: "maximum(0.9 * (y_true - y_pred), -0.1 * (y_true - y_pred))", name: pinball}
    ```

    The functions are those of the layer `Expression`. Both tensors are cast to the loss's dtype and
    have the same number of axes; axis 0 is the batch. What the formula gives is averaged,
    `reduction` says how. A model that was trained with a formula is saved without its loss, metrics
    and optimizer: plain `keras.models.load_model` gives a model to predict with, to be compiled
    anew before it is trained there.
    """

    targets: ClassVar[Targets] = "any"
    keras_module: ClassVar[str] = "modelspec"

    formula: ComparingFormula
    """What training makes small; in quotes."""
    reduction: Reduction = "sum_over_batch_size"

    def values(self, outputs: Shape) -> Shape | None:
        return None
