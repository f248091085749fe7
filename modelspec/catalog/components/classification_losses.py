"""Losses for probabilities: crossentropies, overlaps of segments, label sequences."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.shapes import Shape

from .loss import Loss, Reduction, Targets
from .misfit import Misfit, from_the_end, off_the_last_axis, units_of
from .setting_types import Axes, Fraction, Name, NonNegative, numbers


class BinaryCrossentropy(Loss):
    """The crossentropy of independent binary outputs, e.g. sigmoid units.

    ```yaml
    loss: {BinaryCrossentropy: {label_smoothing: 0.1}}
    ```
    """

    targets: ClassVar[Targets] = "binary"
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 4
    takes_scores_of: ClassVar[str | None] = "sigmoid"

    from_logits: bool = False
    """Whether outputs are logits (no sigmoid) rather than probabilities."""
    label_smoothing: Fraction = 0.0
    """How far targets are moved from 0 and 1 towards 0.5, from 0 (not at all) to 1."""
    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "binary_crossentropy"


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


class CategoricalCrossentropy(Loss):
    """The crossentropy of one class out of several, for one-hot targets.

    ```yaml
    loss: categorical_crossentropy
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 3
    takes_scores_of: ClassVar[str | None] = "softmax"

    from_logits: bool = False
    """Whether outputs are logits (no softmax) rather than probabilities."""
    label_smoothing: Fraction = 0.0
    """How far targets are moved towards the uniform distribution, from 0 (not at all) to 1."""
    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "categorical_crossentropy"

    def misfit(self, outputs: Shape) -> Misfit | None:
        return from_the_end(self.axis)


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


class SparseCategoricalCrossentropy(Loss):
    """The crossentropy of one class out of several, for targets that are the index of the class.

    ```yaml
    loss: {SparseCategoricalCrossentropy: {from_logits: true}}
    ```
    """

    targets: ClassVar[Targets] = "indices"
    at_least_0: ClassVar[bool] = True
    saves: ClassVar[int] = 3
    takes_scores_of: ClassVar[str | None] = "softmax"

    from_logits: bool = False
    """Whether outputs are logits (no softmax) rather than probabilities."""
    ignore_class: int | None = None
    """The class index of targets that do not count, e.g. -1 for unlabeled pixels; `null` ignores
    none.
    """
    reduction: Reduction = "sum_over_batch_size"
    axis: int = -1
    name: Name = "sparse_categorical_crossentropy"

    def misfit(self, outputs: Shape) -> Misfit | None:
        return off_the_last_axis(self.axis, outputs)


class CategoricalGeneralizedCrossEntropy(Loss):
    """A loss between crossentropy (`q` near 0) and mean absolute error (near 1); more robust to
    noisy labels than crossentropy.

    ```yaml
    loss: {CategoricalGeneralizedCrossEntropy: 0.7}
    ```

    Zhang and Sabuncu, 2018: https://arxiv.org/abs/1805.07836
    """

    targets: ClassVar[Targets] = "indices"
    at_least_0: ClassVar[bool] = True

    q: Annotated[float, Field(gt=0, lt=1)] = 0.5
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "categorical_generalized_cross_entropy"


class KLDivergence(Loss):
    """The Kullback-Leibler divergence of the outputs from the targets: the sum of `target *
    log(target / output)`.

    ```yaml
    loss: kl_divergence
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    saves: ClassVar[int] = 4

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "kl_divergence"


class OverlapLoss(Loss):
    """Base of losses that give one number for all axes they sum over."""

    targets: ClassVar[Targets] = "binary"
    at_least_0: ClassVar[bool] = True

    def values(self, outputs: Shape) -> Shape | None:
        axis: int | tuple[int, ...] | None = getattr(self, "axis", None)
        if axis is None:
            return ()
        axes = (axis,) if isinstance(axis, int) else axis
        if any(not -len(outputs) <= axis < len(outputs) for axis in axes):
            return None
        summed = {axis % len(outputs) for axis in axes}
        return tuple(size for axis, size in enumerate(outputs) if axis not in summed)

    def misfit(self, outputs: Shape) -> Misfit | None:
        axis: int | tuple[int, ...] | None = getattr(self, "axis", None)
        axes = axis if isinstance(axis, tuple) else ()
        if len({one % len(outputs) for one in axes}) == len(axes):
            return None
        return Misfit("sums over an axis twice", "axis", "name each axis once")


class Dice(OverlapLoss):
    """1 minus the Dice coefficient: twice the overlap of two segments divided by the sum of their
    sizes.

    ```yaml
    loss: {Dice: {axis: [1, 2, 3]}}
    ```
    """

    saves: ClassVar[int] = 0

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "dice"
    axis: Axes | None = None
    """The axes to sum over; `null` sums over all axes, the batch axis included."""


class Tversky(OverlapLoss):
    """A generalized Dice loss with separate weights for false negatives and false positives.

    ```yaml
    loss: {Tversky: {alpha: 0.7, beta: 0.3}}
    ```

    Salehi et al., 2017: https://arxiv.org/abs/1706.05721
    """

    # Keras's documentation exchanges the two; this is what its formula computes.
    alpha: NonNegative = 0.5
    """The weight of false negatives: points missing from the predicted segment."""
    beta: NonNegative = 0.5
    """The weight of false positives: points wrongly in the predicted segment."""
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "tversky"
    axis: Axes | None = None
    """The axes to sum over; `null` sums over all axes, the batch axis included."""


class CTC(Loss):
    """Connectionist temporal classification, for label sequences that are shorter than the output
    and not aligned with it.

    ```yaml
    loss: ctc
    ```

    Outputs are scores (no softmax) of shape (batch, steps, classes); class 0 is the blank label and
    the padding of the targets. Graves et al., 2006:
    https://www.cs.toronto.edu/~graves/icml_2006.pdf
    """

    targets: ClassVar[Targets] = "sequences"

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "ctc"

    def values(self, outputs: Shape) -> Shape | None:
        return outputs[:1]

    def misfit(self, outputs: Shape) -> Misfit | None:
        if len(outputs) == 3:
            return None
        return Misfit(
            "requires outputs (batch, steps, classes)",
            None,
            "change the output to three axes, e.g. with `Reshape`",
        )
