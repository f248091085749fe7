"""Losses for probabilities: crossentropies, overlaps of segments, label sequences."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.shapes import Shape

from .loss import Loss, Reduction, Targets
from .misfit import Misfit, from_the_end, off_the_last_axis
from .setting_types import Fraction, Name


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
        if len(outputs) == 3 and outputs[-1] == 1:
            # Keras also removes the last axis of the outputs, if its size is 1.
            return Misfit(
                "requires at least two classes, since class 0 is the blank label",
                None,
                "give the output a unit for each label and one for the blank label",
            )
        if len(outputs) == 3:
            return None
        return Misfit(
            "requires outputs (batch, steps, classes)",
            None,
            "change the output to three axes, e.g. with `Reshape`",
        )
