"""Losses of the overlap between regions, for segmentation."""

from typing import ClassVar

from modelspec.core.shapes import Shape

from .loss import Loss, Reduction, Targets
from .misfit import Misfit
from .setting_types import Axes, Name, NonNegative


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
