"""What losses share, and what they and metrics say about the targets they take."""

from typing import ClassVar, Literal, TypeAlias

from modelspec.core.shapes import Shape

from .misfit import Misfit, along_examples
from .setting_types import Component, FloatDtype, Name

Targets: TypeAlias = Literal[
    "indices", "identities", "one_hot", "binary", "numbers", "sequences", "any"
]
"""What a target holds.

- `indices`: the index of a class, below the size of the output's last axis; one axis less than the
  output, or a last axis of 1.
- `identities`: the number of who or what an example shows; any number of them, whatever the
  output's size.
- `one_hot`: a share for each class, in the output's shape; they add up to 1.
- `binary`: 0 or 1 for each entry of the output (hinge losses take -1 for 0).
- `numbers`: any numbers, in the output's shape.
- `sequences`: lists of labels, padded to one length.
- `any`: whatever a formula makes of them.
"""
Reduction: TypeAlias = (
    Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"] | None
)
"""How the losses of a batch's examples become one number; `none` (or `null`) leaves them as they
are.
"""


class Loss(Component):
    """What training makes small."""

    keras_module: ClassVar[str] = "losses"
    common: ClassVar[tuple[str, ...]] = ("name", "dtype")
    targets: ClassVar[Targets]
    relative: ClassVar[bool] = False
    """Whether it divides by the targets."""
    of_margins: ClassVar[bool] = False
    """Whether outputs are scores, whose sign decides, and not probabilities."""

    name: Name = None
    dtype: FloatDtype | None = None

    @classmethod
    def has_from_logits(cls) -> bool:
        """Whether the loss can take scores (`from_logits: true`) in place of probabilities."""
        return "from_logits" in cls.model_fields

    @property
    def reduced(self) -> bool:
        """Whether the losses of a batch become one number."""
        return getattr(self, "reduction", None) not in (None, "none")

    def values(self, outputs: Shape) -> Shape | None:
        """The shape of the losses of a batch before they are reduced; None where it is not known.
        Most compare along the axis of the units, or along `axis`.
        """
        axis: int = getattr(self, "axis", -1)
        if not -len(outputs) <= axis < len(outputs):
            return None
        axis %= len(outputs)
        return (*outputs[:axis], *outputs[axis + 1 :])

    def keeps_examples(self, outputs: Shape) -> bool:
        """Whether each example has losses of its own, which can be weighed."""
        return not along_examples(getattr(self, "axis", -1), outputs)

    def misfit(self, outputs: Shape) -> Misfit | None:
        """Why outputs of the shape, the batch first, cannot be compared; None where they can."""
        return None
