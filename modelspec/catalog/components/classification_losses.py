"""Losses for probabilities: crossentropies, overlaps of segments, label sequences."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.shapes import Shape

from .loss import Loss, Reduction, Targets
from .misfit import Misfit, from_the_end, off_the_last_axis, units_of
from .setting_types import Axes, Fraction, Name, NonNegative, numbers


class BinaryCrossentropy(Loss):
    """The crossentropy of independent yes-or-no outputs, e.g. sigmoid units.

    ```yaml
    loss: {BinaryCrossentropy: {label_smoothing: 0.1}}
    ```
    """

    targets: ClassVar[Targets] = "binary"

    from_logits: bool = False
    """Whether outputs are scores (no sigmoid) rather than probabilities."""
    label_smoothing: Fraction = 0.0
    """How far targets are moved from 0 and 1 towards one half."""
    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "binary_crossentropy"


class BinaryFocalCrossentropy(Loss):
    """Binary crossentropy that counts examples the less, the better they are predicted already.

    ```yaml
    loss: {BinaryFocalCrossentropy: {apply_class_balancing: true, gamma: 2.0}}
    ```

    Lin et al., 2018: https://arxiv.org/abs/1708.02002
    """

    targets: ClassVar[Targets] = "binary"

    apply_class_balancing: bool = False
    """Whether class 1 counts `alpha` and class 0 the rest."""
    alpha: Fraction = 0.25
    gamma: NonNegative = 2.0
    """How much less; 0 is plain crossentropy."""
    from_logits: bool = False
    """Whether outputs are scores (no sigmoid) rather than probabilities."""
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

    from_logits: bool = False
    """Whether outputs are scores (no softmax) rather than probabilities."""
    label_smoothing: Fraction = 0.0
    """How far targets are moved towards equal shares for all classes."""
    axis: int = -1
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "categorical_crossentropy"

    def misfit(self, outputs: Shape) -> Misfit | None:
        return from_the_end(self.axis)


class CategoricalFocalCrossentropy(Loss):
    """Categorical crossentropy that counts examples the less, the better they are predicted
    already.

    ```yaml
    loss: {CategoricalFocalCrossentropy: {alpha: [0.2, 0.5, 0.3]}}
    ```

    Lin et al., 2018: https://arxiv.org/abs/1708.02002
    """

    targets: ClassVar[Targets] = "one_hot"

    alpha: Annotated[float | tuple[float, ...], numbers(0)] = 0.25
    """The weight of every class, or of each."""
    gamma: NonNegative = 2.0
    from_logits: bool = False
    """Whether outputs are scores (no softmax) rather than probabilities."""
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
            "write one number, or one for each unit",
        )


class SparseCategoricalCrossentropy(Loss):
    """The crossentropy of one class out of several, for targets that are the index of the class.

    ```yaml
    loss: {SparseCategoricalCrossentropy: {from_logits: true}}
    ```
    """

    targets: ClassVar[Targets] = "indices"

    from_logits: bool = False
    """Whether outputs are scores (no softmax) rather than probabilities."""
    ignore_class: int | None = None
    """An index that does not count, e.g. -1 for what is not labelled."""
    reduction: Reduction = "sum_over_batch_size"
    axis: int = -1
    name: Name = "sparse_categorical_crossentropy"

    def misfit(self, outputs: Shape) -> Misfit | None:
        return off_the_last_axis(self.axis, outputs)


class CategoricalGeneralizedCrossEntropy(Loss):
    """Between crossentropy (`q` near 0) and absolute error (near 1); it bears wrong labels better
    than the first.

    ```yaml
    loss: {CategoricalGeneralizedCrossEntropy: 0.7}
    ```

    Zhang and Sabuncu, 2018: https://arxiv.org/abs/1805.07836
    """

    targets: ClassVar[Targets] = "indices"

    q: Annotated[float, Field(gt=0, lt=1)] = 0.5
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "categorical_generalized_cross_entropy"


class KLDivergence(Loss):
    """How far the outputs' distribution is from the targets': the sum of `target * log(target /
    output)`.

    ```yaml
    loss: kl_divergence
    ```
    """

    targets: ClassVar[Targets] = "one_hot"

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "kl_divergence"


class OverlapLoss(Loss):
    """What losses share that are one number for whatever they sum over."""

    targets: ClassVar[Targets] = "binary"

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
    """One minus twice the overlap of two segments over the sum of their sizes.

    ```yaml
    loss: {Dice: {axis: [1, 2, 3]}}
    ```
    """

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "dice"
    axis: Axes | None = None
    """What is summed over; all axes, the batch too, where it is not written."""


class Tversky(OverlapLoss):
    """Dice with a weight of its own for what is missing from the segment and for what is wrongly in
    it.

    ```yaml
    loss: {Tversky: {alpha: 0.7, beta: 0.3}}
    ```

    Salehi et al., 2017: https://arxiv.org/abs/1706.05721
    """

    # Keras's manual says this the other way round; this is what its formula computes.
    alpha: NonNegative = 0.5
    """The weight of what is missing from the segment."""
    beta: NonNegative = 0.5
    """The weight of what is wrongly in it."""
    reduction: Reduction = "sum_over_batch_size"
    name: Name = "tversky"
    axis: Axes | None = None
    """What is summed over; all axes, the batch too, where it is not written."""


class CTC(Loss):
    """Connectionist temporal classification: label sequences that are shorter than the output and
    not aligned to it.

    ```yaml
    loss: ctc
    ```

    Outputs are scores (no softmax) of shape (batch, steps, classes); class 0 is the blank and pads
    the targets. Graves et al., 2006: https://www.cs.toronto.edu/~graves/icml_2006.pdf
    """

    targets: ClassVar[Targets] = "sequences"

    reduction: Reduction = "sum_over_batch_size"
    name: Name = "ctc"

    def values(self, outputs: Shape) -> Shape | None:
        return outputs[:1]
