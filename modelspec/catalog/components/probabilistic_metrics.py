"""Metrics between distributions, and overlaps of segments."""

from typing import ClassVar, Self

from pydantic import model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Shape

from .loss import Targets
from .metric import AT_LEAST_0, SHARE, Bounds, Direction, Metric
from .misfit import Misfit, along_examples, from_the_end, off_the_last_axis, without_axis
from .setting_types import Count, Fraction, Name, WholeNumbers


class KLDivergence(Metric):
    """The Kullback-Leibler divergence of the outputs from the targets.

    ```yaml
    metrics: [kl_divergence]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    of_probabilities: ClassVar[bool] = True
    direction: ClassVar[Direction] = "down"

    name: Name = "kl_divergence"


class Poisson(Metric):
    """The mean of `output - target * log(output)`, for counts.

    ```yaml
    metrics: [poisson]
    ```
    """

    targets: ClassVar[Targets] = "numbers"
    direction: ClassVar[Direction] = "down"

    name: Name = "poisson"


class BinaryCrossentropy(Metric):
    """The crossentropy of independent binary outputs.

    ```yaml
    metrics: [bce]
    ```
    """

    targets: ClassVar[Targets] = "binary"
    of_probabilities: ClassVar[bool] = True
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    name: Name = "binary_crossentropy"
    from_logits: bool = False
    """Whether outputs are logits (no sigmoid) rather than probabilities."""
    label_smoothing: Fraction = 0


class CategoricalCrossentropy(Metric):
    """The crossentropy of one class out of several, for one-hot targets.

    ```yaml
    metrics: [{CategoricalCrossentropy: {from_logits: true}}]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"
    of_probabilities: ClassVar[bool] = True
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    name: Name = "categorical_crossentropy"
    from_logits: bool = False
    """Whether outputs are logits (no softmax) rather than probabilities."""
    label_smoothing: Fraction = 0
    axis: int = -1

    def values(self, outputs: Shape) -> Shape | None:
        return without_axis(self.axis, outputs)

    def keeps_examples(self, outputs: Shape) -> bool:
        return not along_examples(self.axis, outputs)

    def misfit(self, outputs: Shape) -> Misfit | None:
        return from_the_end(self.axis)


class SparseCategoricalCrossentropy(Metric):
    """The crossentropy of one class out of several, for targets that are indices.

    ```yaml
    metrics: [{SparseCategoricalCrossentropy: {ignore_class: -1}}]
    ```
    """

    targets: ClassVar[Targets] = "indices"
    of_probabilities: ClassVar[bool] = True
    direction: ClassVar[Direction] = "down"
    lies_in: ClassVar[Bounds] = AT_LEAST_0

    name: Name = "sparse_categorical_crossentropy"
    from_logits: bool = False
    """Whether outputs are logits (no softmax) rather than probabilities."""
    ignore_class: int | None = None
    axis: int = -1

    def misfit(self, outputs: Shape) -> Misfit | None:
        return off_the_last_axis(self.axis, outputs)


class Overlap(Metric):
    """Base of intersection over union metrics."""

    sums_in: ClassVar[str | None] = "float64"
    lies_in: ClassVar[Bounds] = SHARE

    def misfit(self, outputs: Shape) -> Misfit | None:
        """Keras also takes the classes along `axis`, so there is one axis of classes."""
        if getattr(self, "axis", -1) == -1:
            return None
        return Misfit(
            "supports classes along the last axis only",
            "axis",
            "leave out `axis`, and move the classes to the last axis with `Permute`",
        )

    def _check_classes(self, num_classes: int, chosen: tuple[int, ...]) -> None:
        for index, one in enumerate(chosen):
            if one >= num_classes:
                refuse(
                    f"class {one} is not below the number of classes, {num_classes}",
                    "MS205",
                    "target_class_ids",
                    index,
                    help="classes count from 0",
                )


class IoU(Overlap):
    """The mean intersection over union of the segments of the chosen classes.

    ```yaml
    metrics: [{IoU: {num_classes: 4, target_class_ids: [0, 2], sparse_y_pred: false}}]
    ```

    Use `sparse_y_pred: false` for outputs that are scores, e.g. of a softmax.
    """

    targets: ClassVar[Targets] = "indices"

    num_classes: Count
    target_class_ids: WholeNumbers
    ignore_class: int | None = None
    """The class index of targets that do not count, e.g. 255 for the border of a mask; `null`
    ignores none.
    """
    sparse_y_true: bool = True
    """Whether targets are class indices rather than one value per class, of which the largest is
    taken.
    """
    sparse_y_pred: bool = True
    """Whether outputs are class indices rather than one value per class, of which the largest is
    taken.
    """
    axis: int = -1

    @property
    def takes(self) -> Targets:
        return self.targets if self.sparse_y_true else "one_hot"

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        self._check_classes(self.num_classes, self.target_class_ids)
        return self


class MeanIoU(Overlap):
    """The mean intersection over union of the segments of all classes.

    ```yaml
    metrics: [{MeanIoU: {num_classes: 4, sparse_y_pred: false}}]
    ```

    Use `sparse_y_pred: false` for outputs that are scores, e.g. of a softmax.
    """

    targets: ClassVar[Targets] = "indices"

    num_classes: Count
    ignore_class: int | None = None
    """The class index of targets that do not count, e.g. 255 for the border of a mask; `null`
    ignores none.
    """
    sparse_y_true: bool = True
    """Whether targets are class indices rather than one value per class, of which the largest is
    taken.
    """
    sparse_y_pred: bool = True
    """Whether outputs are class indices rather than one value per class, of which the largest is
    taken.
    """
    axis: int = -1

    @property
    def takes(self) -> Targets:
        return self.targets if self.sparse_y_true else "one_hot"


class BinaryIoU(Overlap):
    """The mean intersection over union of foreground and background.

    ```yaml
    metrics: [{BinaryIoU: {target_class_ids: [1], threshold: 0.5}}]
    ```
    """

    targets: ClassVar[Targets] = "binary"
    of_probabilities: ClassVar[bool] = True

    target_class_ids: WholeNumbers = (0, 1)
    threshold: Fraction = 0.5

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        self._check_classes(2, self.target_class_ids)
        return self


class OneHotIoU(Overlap):
    """The mean intersection over union of the segments of the chosen classes, for one-hot targets.

    ```yaml
    metrics: [{OneHotIoU: {num_classes: 3, target_class_ids: [1, 2]}}]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"

    num_classes: Count
    target_class_ids: WholeNumbers
    ignore_class: int | None = None
    sparse_y_pred: bool = False
    """Whether outputs are class indices rather than one value per class, of which the largest is
    taken.
    """
    axis: int = -1

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        self._check_classes(self.num_classes, self.target_class_ids)
        return self


class OneHotMeanIoU(Overlap):
    """The mean intersection over union of the segments of all classes, for one-hot targets.

    ```yaml
    metrics: [{OneHotMeanIoU: 3}]
    ```
    """

    targets: ClassVar[Targets] = "one_hot"

    num_classes: Count
    ignore_class: int | None = None
    sparse_y_pred: bool = False
    """Whether outputs are class indices rather than one value per class, of which the largest is
    taken.
    """
    axis: int = -1
