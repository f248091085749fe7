"""Base class of losses, and the kinds of targets of losses and metrics."""

from typing import ClassVar, Literal, TypeAlias

from modelspec.core.shapes import Shape

from .misfit import Misfit, along_examples, without_axis
from .setting_types import Component, FloatDtype, Name

Targets: TypeAlias = Literal[
    "indices", "identities", "one_hot", "binary", "numbers", "sequences", "any"
]
"""The kinds of targets.

- `indices`: the index of a class, below the size of the output's last axis; one axis less than the
  output, or a last axis of 1.
- `identities`: the index of the identity that an example shows; any number of identities,
  independent of the output's size.
- `one_hot`: a probability for each class, in the output's shape; they sum to 1.
- `binary`: 0 or 1 for each element of the output (hinge losses take -1 for 0).
- `numbers`: any numbers, in the output's shape.
- `sequences`: lists of labels, padded to one length.
- `any`: depends on a formula.
"""
Reduction: TypeAlias = (
    Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"] | None
)
"""How the losses of a batch's examples become one number; `none` (or `null`) does not reduce them.
"""


class Loss(Component):
    """A loss, which training minimizes."""

    keras_module: ClassVar[str] = "losses"
    common: ClassVar[tuple[str, ...]] = ("name", "dtype")
    targets: ClassVar[Targets]
    relative: ClassVar[bool] = False
    """Whether it divides by the targets."""
    at_least_0: ClassVar[bool] = False
    """Whether the loss of every example is at least 0."""
    of_margins: ClassVar[bool] = False
    """Whether outputs are scores, whose sign is the prediction, rather than probabilities."""
    saves: ClassVar[int] = 1
    """The number of tensors of the output's size, besides the output, that its gradient requires of
    the forward pass.
    """
    saves_of_scores: ClassVar[int] = 1
    """The same number if it takes scores."""
    takes_scores_of: ClassVar[str | None] = None
    """The activation that Keras skips: if the output ends in it, the loss uses the scores before
    it.
    """

    name: Name = None
    dtype: FloatDtype | None = None

    @classmethod
    def has_from_logits(cls) -> bool:
        """Whether the loss can take scores (`from_logits: true`) in place of probabilities."""
        return "from_logits" in cls.model_fields

    def saved_of(self, activation: str | None) -> int:
        """The number of tensors of the output's size that it keeps, for an output that ends in the
        activation.
        """
        joined = activation is not None and activation == self.takes_scores_of
        scores = joined or getattr(self, "from_logits", False)
        return self.saves_of_scores if scores else self.saves

    @property
    def reduced(self) -> bool:
        """Whether the losses of a batch become one number."""
        return getattr(self, "reduction", None) not in (None, "none")

    def values(self, outputs: Shape) -> Shape | None:
        """The shape of the losses of a batch before they are reduced; None if unknown. Most losses
        reduce the last axis, or `axis`.
        """
        return without_axis(getattr(self, "axis", -1), outputs)

    def keeps_examples(self, outputs: Shape) -> bool:
        """Whether each example has separate losses, which can be weighted."""
        return not along_examples(getattr(self, "axis", -1), outputs)

    def misfit(self, outputs: Shape) -> Misfit | None:
        """Why outputs of the shape (batch first) cannot be compared; None if they can."""
        return None
