"""Cross-entropies that weigh examples by their difficulty."""

from typing import Annotated, ClassVar

from modelspec.core.shapes import Shape

from .loss import Loss, Reduction, Targets
from .misfit import Misfit, units_of
from .setting_types import Fraction, Name, NonNegative, numbers


class BinaryFocalCrossentropy(Loss):
    """Binary crossentropy that gives well-classified examples less weight.

    ```yaml
    loss: {BinaryFocalCrossentropy: {apply_class_balancing: true, gamma: 2.0}}
    ```

    Lin et al., 2018: https://arxiv.org/abs/1708.02002
    """

    targets: ClassVar[Targets] = "binary"
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 8
    saves_of_scores: ClassVar[int] = 5
    takes_scores_of: ClassVar[str | None] = "sigmoid"

    apply_class_balancing: bool = False
    """Whether to weight class 1 by `alpha` and class 0 by `1 - alpha`."""
    alpha: Fraction = 0.25
    gamma: NonNegative = 2.0
    """How strongly well-classified examples are weighted down; 0 is plain cross-entropy."""
    from_logits: bool = False
    """Whether outputs are logits (no sigmoid) rather than probabilities."""
    label_smoothing: Fraction = 0.0
    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "binary_focal_crossentropy"


class CategoricalFocalCrossentropy(Loss):
    """Categorical crossentropy that gives well-classified examples less weight.

    ```yaml
    loss: {CategoricalFocalCrossentropy: {alpha: [0.2, 0.5, 0.3]}}
    ```

    Lin et al., 2018: https://arxiv.org/abs/1708.02002
    """

    targets: ClassVar[Targets] = "one_hot"
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 7
    saves_of_scores: ClassVar[int] = 7

    alpha: Annotated[float | tuple[float, ...], numbers(0)] = 0.25
    """The weight of all classes, or a list with the weight of each class."""
    gamma: NonNegative = 2.0
    from_logits: bool = False
    """Whether outputs are logits (no softmax) rather than probabilities."""
    label_smoothing: Fraction = 0.0
    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "categorical_focal_crossentropy"

    def misfit(self, outputs: Shape) -> Misfit | None:
        units = units_of(outputs)
        count = len(self.alpha) if isinstance(self.alpha, tuple) else 1
        if units is None or count in (1, units):
            return None
        return Misfit(
            f"has {count} weights in `alpha`, and the output {units} units",
            "alpha",
            "use one number, or one for each unit",
        )
