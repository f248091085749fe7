"""What rules and the preparing of data ask of a layer, whatever its name is.

Each fact has a default that is safe for a layer that says nothing. What Keras can be asked for is
compared with Keras.
"""

from collections.abc import Container, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from modelspec.core.settings import Settings
from modelspec.core.shapes import Shape, Tensor

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

    @property
    def runs_in(self) -> str | None:
        """The dtype that it gives once it runs, where Keras says another one and does not cast."""
        return None

    no_kernel_in: ClassVar[tuple[str, ...]] = ()
    """The dtypes in which TensorFlow cannot compute the layer on any device."""
    no_kernel_because: ClassVar[str | None] = None
    """The setting because of which it cannot, where it is one."""
    gpu_kernel_in: ClassVar[tuple[str, ...]] = ()
    """The dtypes in which TensorFlow computes the layer on a GPU, and not on a CPU."""

    channels_last_on_cpu: ClassVar[bool] = False
    """Whether TensorFlow computes it on a CPU with the channels last only, where oneDNN has no
    kernel of its own.
    """

    mixes_dtypes: ClassVar[bool] = True
    """Whether it computes with weights of another floating-point dtype than what it takes."""
    runs_uncast: ClassVar[bool] = False
    """Whether it computes the layer in it without a cast to the dtype of that."""

    # Sparse tensors -------------------------------------------------------------------------------

    takes_sparse: ClassVar[bool] = True
    """Whether TensorFlow computes the layer of a sparse tensor, as far as is known: of what a layer
    with `sparse: true` gives.
    """
    sparse_rank: ClassVar[int | None] = None
    """How many axes a sparse tensor must have that it takes; None for any."""

    keeps_sparse: ClassVar[bool] = False
    """Whether it gives a sparse tensor where all that it takes are."""

    @property
    def gives_sparse(self) -> bool:
        """Whether it makes a sparse tensor."""
        return bool(getattr(self, "sparse", False))

    @property
    def trains_sparse(self) -> bool:
        """Whether it can give a sparse tensor while a model trains."""
        return True

    # Masks ----------------------------------------------------------------------------------------

    supports_masking: ClassVar[bool | None] = False
    """Keras's attribute: whether the result has the mask of the first tensor that the layer takes.
    None: the layer that it holds decides.
    """

    @property
    def passes_mask(self) -> bool:
        """Of a layer that supports masking: whether it propagates the mask with these settings."""
        return True

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

    def takes_mask(self, mask: Shape, made: Tensor) -> bool:
        """Whether it runs with a mask of more axes than `mask_rank`, where it gives `made`."""
        return False

    def mask_of_scores(
        self, masked: Container[str], options: Mapping[str, Any], scores: Shape
    ) -> Shape | None:
        """The shape of the mask that its scores come with, which marks single entries of them; None
        where they come without. The call has these options, and a mask for each argument of
        `masked`; for `attention`, an `attention_mask`.
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
    adds_to_loss: ClassVar[bool] = False
    """Whether it adds a number to the loss, whatever its settings are."""
    mixes_examples: ClassVar[bool] = False
    """Whether it mixes examples with others, so that their labels change too."""
    moves_values: ClassVar[bool] = True
    """Of a layer that changes examples in training only: whether it moves the values of an image to
    other places, so that what belongs to these places (a mask) has to move with them. With `False`
    it changes each value where it is.
    """

    one_in_batch: ClassVar[bool] = False
    """Of a layer that changes examples in training only: whether Keras makes all examples of the
    first where a batch has no size that is known beforehand, so that it gets one at a time.
    """

    def fails_in_training(self, made: Tensor) -> str | None:
        """Why it cannot give `made` in training, as the end of a sentence; None where it can."""
        return None

    def for_class_numbers(self, border: float | None) -> "Facts | None":
        """A layer that moves values that are class numbers as this one moves those of an image, by
        the same draws; None where there is none.

        It gives values that it takes, and `border` where nothing was moved to; with None what this
        layer has there.
        """
        return None

    def border(self) -> float | None:
        """The one number that it has where nothing was moved to; None where that follows from the
        image.
        """
        return None

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

    @property
    def gives_values_of(self) -> "Facts | None":
        """The layer in it whose values it gives, put together or averaged; None where there is
        none.
        """
        return None

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

    @property
    def past_steps(self) -> tuple[Any, ...]:
        """For a layer of a `transform` that makes columns of earlier rows: how each follows from
        them (`PastStep`); empty for one that looks at a row alone.
        """
        return ()

    adapts: ClassVar[tuple[str, ...]] = ()
    """The settings that Keras's `adapt` computes from data."""
    adapts_weights: ClassVar[bool] = False
    """Whether those settings are weights: the layer runs without them, and a file of weights has
    them.
    """

    @property
    def masked_by(self) -> str | None:
        """The setting that names the value that it leaves out as padding; None: it has none."""
        return None

    @property
    def gathers(self) -> bool:
        """Whether it makes one vector of a list of values, however many they are."""
        return False

    @property
    def knows(self) -> bool:
        """Whether it tells values that it knows from others."""
        return False

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

    reads_dates: ClassVar[bool] = False
    """Whether the texts that it takes are dates and times."""

    def column_types(self) -> tuple[str, ...]:
        """The dtypes of columns that it prepares: `string`, and `float32` or `int64` where numbers
        will do.
        """
        return ("float32",)
