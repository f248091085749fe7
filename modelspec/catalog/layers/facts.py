"""What rules and the preparing of data ask of a layer, whatever its name is.

Each fact has a default that is safe for a layer that says nothing. What Keras can be asked for is
compared with Keras.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from modelspec.core.settings import Settings

Takes: TypeAlias = Literal["any", "numbers", "floats"]
"""Numbers of every dtype, those that are no booleans, or floating-point ones."""


class Affine(NamedTuple):
    """A computation that can be undone: `x * scale + offset`, or, where it `divides`,
    `(x - offset) / scale`. Numbers, or nested tuples of them for the last axes.
    """

    scale: Any
    offset: Any
    divides: bool = False


class Facts(Settings):
    """The facts about one kind of layer."""

    @classmethod
    def family(cls) -> str:
        """What it is drawn as: by default its module, which holds the layers of one purpose."""
        return cls.__module__.rpartition(".")[2]

    # Dtypes ---------------------------------------------------------------------------------------

    takes: ClassVar[Takes] = "any"
    """The numbers that TensorFlow can compute the layer of. Keras finds out when the model runs."""
    keeps_dtype: ClassVar[bool] = False
    """Whether it gives whole numbers and booleans for such, once it runs: Keras says of most layers
    that they give floating-point numbers, and does not cast.
    """
    no_kernel_in: ClassVar[tuple[str, ...]] = ()
    """The dtypes in which TensorFlow cannot compute the layer on any device."""
    gpu_kernel_in: ClassVar[tuple[str, ...]] = ()
    """The dtypes in which TensorFlow computes the layer on a GPU, and not on a CPU."""

    channels_last_on_cpu: ClassVar[bool] = False
    """Whether TensorFlow computes it on a CPU with the channels last only, where oneDNN has no
    kernel of its own.
    """

    # Masks ----------------------------------------------------------------------------------------

    supports_masking: ClassVar[bool | None] = False
    """Keras's attribute: whether the result has the mask of the first tensor that the layer takes.
    None: the layer that it holds decides.
    """
    joins_masks: ClassVar[Literal["all", "axis", "none"] | None] = None
    """For a layer that joins tensors, when the result has a mask: where `all` of them have one;
    where all have one along the last `axis`, and any along another; or never.
    """
    uses_mask_of: ClassVar[tuple[str, ...]] = ()
    """The tensors whose mask says which steps to leave out: call arguments, or items of one that
    takes a list. A mask of any of them will do.
    """
    masks_entries: ClassVar[bool] = False
    """Whether its `mask` marks single entries, so that it fails with one that marks steps."""
    steps: ClassVar[Literal["same", "resized", "rearranged"]] = "same"
    """What the axis of steps is after the layer: what it was where its size is the `same`, still
    steps where they are `resized`, or anything where entries are `rearranged`.
    """

    def mask_rank(self, rank: int) -> int | None:
        """How many axes a mask must have that comes with a tensor of so many axes; None where the
        layer runs with any.
        """
        return None

    def makes_mask(self, options: Mapping[str, Any]) -> bool:
        """Whether a call with these options makes a mask of its own."""
        return False

    # Values ---------------------------------------------------------------------------------------

    keeps_values: ClassVar[Literal["all", "some"] | None] = None
    """Whether what it gives outside of training are values that it takes, moved and not changed:
    `all` of them, also in training, or `some`.
    """
    training_only: ClassVar[bool] = False
    """Whether it changes examples in training only."""
    drops_values: ClassVar[bool] = False
    """Whether it takes values away, or scales them at random, in training."""
    mixes_examples: ClassVar[bool] = False
    """Whether it mixes examples with others, so that their labels change too."""
    channel_bias: ClassVar[bool] = False
    """Whether its setting `use_bias` adds one number to each channel, before the activation."""
    removes_channel_mean: ClassVar[bool] = False
    """Whether a number added to a whole channel in all examples has no effect on the result."""
    activation_function: ClassVar[str | None] = None
    """The activation function that the layer is, by its name."""

    @property
    def like_activation(self) -> str | None:
        """An activation function that gives numbers of the same range: the one that the layer is,
        or for some settings, or weights, is.
        """
        return self.activation_function

    def looks_up(self, options: Mapping[str, Any]) -> int | None:
        """In how many rows (`input_dim`) a call with these options looks whole numbers up; None
        where it does not.
        """
        return None

    def affine(self) -> Affine | None:
        """What it computes of each number by itself, where that can be undone."""
        return None

    # Preparing data -------------------------------------------------------------------------------

    prepares_data: ClassVar[bool] = False
    """Whether it may stand in a `transform`: it computes the same of an example whenever it sees
    it, looks at no other example, and needs no training by a gradient.
    """
    adapts: ClassVar[tuple[str, ...]] = ()
    """The settings that Keras's `adapt` computes from data."""
    adapts_weights: ClassVar[bool] = False
    """Whether those settings are weights: the layer runs without them, and a file of weights has
    them.
    """

    @property
    def lowers_ascii(self) -> bool:
        """Whether it brings the letters A to Z of a text to lower case, and no others."""
        return False

    @property
    def one_at_a_time(self) -> bool:
        """Whether Keras computes something of a whole batch, so that a `transform` has to give it
        one example at a time.
        """
        return False

    @property
    def prepares_only(self) -> bool:
        """Whether these settings have a meaning in a `transform` alone."""
        return False

    number_counterpart: ClassVar[str | None] = None
    """For a layer that takes text, the one that does the same with numbers."""
    takes_vectors: ClassVar[bool] = False
    """Whether a column of single texts has to be given as vectors of one text."""

    def column_types(self) -> tuple[str, ...]:
        """The dtypes of columns that it prepares: `string`, and `float32` or `int64` where numbers
        will do.
        """
        return ("float32",)
