"""Properties of layers that rules and data preparation depend on, independent of the layer's name.

Each fact has a safe default. Facts that Keras exposes are compared with Keras in tests.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeAlias

from modelspec.core.settings import Settings
from modelspec.core.shapes import Shape, Tensor

Takes: TypeAlias = Literal["any", "numbers", "floats"]
"""Any numeric dtype, any except booleans, or only floating point."""


class Affine(NamedTuple):
    """An invertible computation: `x * scale + offset`, or, where it `divides`, `(x - offset) /
    scale`. Numbers, or nested tuples of them for the last axes.
    """

    scale: Any
    offset: Any
    divides: bool = False


class Facts(Settings):
    """The facts about one layer class."""

    @classmethod
    def family(cls) -> str:
        """Its category in diagrams: by default its module, which contains layers of one purpose."""
        return cls.__module__.rpartition(".")[2]

    constructed_trainable: ClassVar[bool] = True
    """Whether the constructor of Keras takes `trainable`."""
    takes_no_tensor: ClassVar[bool] = False
    """Whether it takes no tensor: Keras calls it with the model's first input, for its batch size.
    """
    shape_known_to_keras: ClassVar[bool] = True
    """Whether Keras can compute its output shape (`compute_output_shape`)."""

    # Dtypes --------------------------------------------------------------------------------------

    takes: ClassVar[Takes] = "any"
    """The dtypes of inputs that TensorFlow supports. Keras raises only when the model runs."""
    keeps_dtype: ClassVar[bool] = False
    """Whether it returns integers and booleans for inputs of these dtypes: Keras reports
    floating-point outputs for most layers, and does not cast.
    """

    @property
    def runs_in(self) -> str | None:
        """The actual output dtype, if Keras reports a different one and does not cast."""
        return None

    no_kernel_in: ClassVar[tuple[str, ...]] = ()
    """The dtypes that TensorFlow does not support for the layer on any device."""
    no_kernel_because: ClassVar[str | None] = None
    """The setting that causes this, if any."""
    gpu_kernel_in: ClassVar[tuple[str, ...]] = ()
    """The dtypes that TensorFlow supports for the layer on a GPU, but not on a CPU."""

    @property
    def gpu_because(self) -> str | None:
        """The setting that requires a GPU in any dtype, also with XLA; None if there is none."""
        return None

    channels_last_on_cpu: ClassVar[bool] = False
    """Whether TensorFlow supports only `channels_last` for it on a CPU, if oneDNN has no kernel."""

    @property
    def one_dnn_because(self) -> str | None:
        """The setting for which only oneDNN has kernels on a CPU: none in float64, and in other
        dtypes those that the processor has instructions for. None if no setting does.
        """
        first = getattr(self, "data_format", None) == "channels_first"
        return "data_format" if first and self.channels_last_on_cpu else None

    mixes_dtypes: ClassVar[bool] = True
    """Whether its weights may have a different floating-point dtype than its inputs."""
    runs_uncast: ClassVar[bool] = False
    """Whether the wrapper runs the inner layer without a cast to its dtype."""

    # Sparse tensors ------------------------------------------------------------------------------

    keeps_sparse: ClassVar[Literal["all", "any"] | None] = None
    """Whether it gives a sparse tensor if `all` of its inputs are sparse, or if `any` is."""

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        """Whether TensorFlow supports the layer for these `sparse` inputs, which layers with
        `sparse: true` give, and these `dense` ones.
        """
        return False

    @property
    def gives_sparse(self) -> bool:
        """Whether its output is a sparse tensor."""
        return bool(getattr(self, "sparse", False))

    @property
    def trains_sparse(self) -> bool:
        """Whether it can give a sparse tensor during training."""
        return True

    # Masks ---------------------------------------------------------------------------------------

    supports_masking: ClassVar[bool | None] = False
    """Keras's attribute: whether the layer propagates the mask of its first input. None: the
    wrapped layer decides.
    """

    @property
    def passes_mask(self) -> bool:
        """For a layer that supports masking: whether it propagates the mask with these settings."""
        return True

    joins_masks: ClassVar[Literal["all", "axis", "none"] | None] = None
    """For a layer that combines tensors, when the result has a mask: if `all` of them have one; if
    all have one (along the last `axis`) or any (along another); or never.
    """
    uses_mask_of: ClassVar[tuple[str, ...]] = ()
    """The tensors whose mask excludes steps: call arguments, or items of an argument that takes a
    list. A mask of any of them suffices.
    """
    masks_entries: ClassVar[bool] = False
    """Whether its `mask` marks single elements, so that a mask of steps fails."""
    steps: ClassVar[Literal["same", "resized", "rearranged"]] = "same"
    """The axis of steps after the layer: unchanged if its size is the `same`, still steps if they
    are `resized`, or arbitrary if values are `rearranged`.
    """

    def mask_rank(self, rank: int) -> int | None:
        """The number of axes required of the mask of a tensor with this number of axes; None if the
        layer accepts any.
        """
        return None

    def takes_mask(self, mask: Shape, made: Tensor) -> bool:
        """Whether it accepts a mask of more axes than `mask_rank`, for the outputs `made`."""
        return False

    def misused_mask(self, x: Tensor, given: bool) -> str | None:
        """Why it fails, or computes wrong numbers, with a mask of its first input `x` that has the
        axes of `mask_rank`; None if it computes what it should. A mask that is not `given` by the
        call is propagated, and marks the axes of `x` from axis 1 on.
        """
        return None

    def mask_of_scores(
        self, masked: Container[str], options: Mapping[str, Any], scores: Shape
    ) -> Shape | None:
        """The shape of the mask of its scores, which marks single elements; None if they have no
        mask. The call has these options, and a mask for each argument in `masked`; for `attention`,
        an `attention_mask`.
        """
        return None

    def makes_mask(self, options: Mapping[str, Any]) -> bool:
        """Whether a call with these options creates a mask."""
        return False

    # Sizes ---------------------------------------------------------------------------------------

    def required_sizes(
        self, tensors: Mapping[str, Tensor | tuple[Tensor, ...]]
    ) -> Iterable[tuple[str, tuple[int, ...]]]:
        """The unknown sizes of a call that takes these tensors, each with the only numbers that it
        may be.
        """
        return ()

    # Values --------------------------------------------------------------------------------------

    def without_gradient(self, x: Tensor, made: Tensor) -> str | None:
        """The setting for which TensorFlow has no gradient of the output `made` with respect to the
        input `x`, so that layers before it cannot be trained; None if it has one.
        """
        return None

    keeps_values: ClassVar[Literal["all", "some"] | None] = None
    """Whether its outputs outside of training are values of its input, moved but not changed: `all`
    of them, also in training, or `some`.
    """
    training_only: ClassVar[bool] = False
    """Whether it changes examples in training only."""
    drops_values: ClassVar[bool] = False
    """Whether it drops values, or scales them at random, in training."""
    adds_to_loss: ClassVar[bool] = False
    """Whether it adds a penalty to the loss, independent of its settings."""
    mixes_examples: ClassVar[bool] = False
    """Whether it mixes examples, so that their labels change too."""
    mixes_by: ClassVar[Literal["mean", "region"] | None] = None
    """For a layer that mixes examples: whether it computes a weighted mean, or replaces a region of
    each image, so that class numbers of pixels remain class numbers. None: `augment` cannot mix
    targets in the same way.
    """
    moves_values: ClassVar[bool] = True
    """For a layer that changes examples in training only: whether it moves the values of an image,
    so that a mask has to move with them. With `False` it changes values in place.
    """

    moves_coordinates: ClassVar[bool] = False
    """For a layer that moves values: whether points and boxes can move with them."""

    one_in_batch: ClassVar[bool] = False
    """For a layer that changes examples in training only: whether Keras repeats the first example
    if the batch size is unknown, so that it gets one example at a time.
    """

    def changes_batch(self, made: Tensor) -> str | None:
        """The setting by which `made`, its output for several tensors, has other examples than each
        of them; None if it has the same examples.
        """
        return None

    def fails_in_training(self, made: Tensor) -> str | None:
        """Why it cannot give `made` in training, as the end of a sentence; None if it can."""
        return None

    def for_class_numbers(self, border: float | None) -> "Facts | None":
        """A layer that moves class indices as this one moves the values of an image, with the same
        random draws; None if there is none.

        It gives values of its input, and `border` outside of it; with None, the fill value of this
        layer.
        """
        return None

    def border(self) -> float | None:
        """The constant fill value; None if the fill follows from the image."""
        return None

    channel_bias: ClassVar[bool] = False
    """Whether its setting `use_bias` adds one number per channel, before the activation."""
    removes_channel_mean: ClassVar[bool] = False
    """Whether adding a constant to a channel of all examples has no effect on the result."""
    activation_function: ClassVar[str | None] = None
    """The name of the activation function that the layer computes."""

    @property
    def like_activation(self) -> str | None:
        """An activation function with the same range: the one that the layer computes, at least for
        some settings or weights.
        """
        return self.activation_function

    @property
    def gives_values_of(self) -> "Facts | None":
        """The wrapped layer whose values it gives, combined or averaged; None if there is none."""
        return None

    def looks_up(self, options: Mapping[str, Any]) -> int | None:
        """The number of rows (`input_dim`) in which a call with these options looks up integers;
        None if it does not.
        """
        return None

    table: ClassVar[str | None] = None
    """The weight in which it looks up rows: a step only trains those rows."""
    low_rank: ClassVar[str | None] = None
    """The name of the weights that can have low-rank adapters (LoRA), in the layer and in layers
    inside it: `kernel`. None if Keras has none for the layer.
    """

    def takes_adapters(self, weight: str) -> bool:
        """Whether a weight can have low-rank adapters: `kernel`, `query/kernel`."""
        return self.low_rank is not None and weight.rpartition("/")[2] == self.low_rank

    # Layers inside -------------------------------------------------------------------------------

    wraps_each_layer: ClassVar[bool] = False
    """For a wrapper: whether wrapping a chain of layers is equivalent to wrapping each of them."""
    takes_mapping: ClassVar[bool] = False
    """Whether Keras gets the tensors of a call as a mapping, by argument."""
    requires: ClassVar[str | None] = None
    """The package, besides Keras, that the layer requires to run."""

    @property
    def inner_layers(self) -> tuple[str, ...]:
        """The paths of layers inside it that `freeze` and `lora` can name: `layer_0/query`."""
        return ()

    def freezes(self, weight: str) -> bool:
        """Whether its settings freeze the layer inside it with this weight."""
        return False

    def with_frozen(self, paths: Iterable[str]) -> Self:
        """A copy in which those layers are not trained."""
        return self

    @property
    def starts_from(self) -> Path | str | None:
        """The preset with its initial weights; None if they are random."""
        return None

    def affine(self) -> Affine | None:
        """The computation of each number separately, if it is invertible."""
        return None

    # Preparing data ------------------------------------------------------------------------------

    prepares_data: ClassVar[bool] = False
    """Whether it is allowed in a `transform`: its result for an example is always the same, depends
    on no other example, and requires no training by gradients.
    """

    @property
    def past_steps(self) -> tuple[Any, ...]:
        """For a layer of a `transform` that computes columns from earlier rows: how each follows
        from them (`PastStep`); empty for a layer that uses each row alone.
        """
        return ()

    @property
    def read_files(self) -> tuple[Path, ...]:
        """The files, besides a vocabulary, that determine what it gives."""
        return ()

    @property
    def vocabulary_given(self) -> str | None:
        """The hash of the vocabulary of the tokens that it gives, if it is a pretrained one."""
        return None

    @property
    def vocabulary_taken(self) -> str | None:
        """The hash of the vocabulary of the tokens that it takes, if it is a pretrained one."""
        return None

    adapts: ClassVar[tuple[str, ...]] = ()
    """The settings that Keras's `adapt` computes from data."""
    adapts_weights: ClassVar[bool] = False
    """Whether those settings are weights: the layer runs without them, and weight files contain
    them.
    """

    @property
    def masked_by(self) -> str | None:
        """The setting with the padding value that it ignores; None if it has none."""
        return None

    @property
    def gathers(self) -> bool:
        """Whether it encodes a list of any number of values as one vector."""
        return False

    @property
    def knows(self) -> bool:
        """Whether it distinguishes known from unknown values."""
        return False

    @property
    def lowers_ascii(self) -> bool:
        """Whether it lowercases only the letters A to Z of a string."""
        return False

    @property
    def one_at_a_time(self) -> bool:
        """Whether Keras computes statistics of the whole batch, so that a `transform` has to pass
        one example at a time.
        """
        return False

    @property
    def prepares_only(self) -> bool:
        """Whether these settings are only valid in a `transform`."""
        return False

    text_step: ClassVar[bool] = False
    """Whether it gives a string for each string. As the first layers of a `transform`, such layers
    change the strings as they are read, before all others.
    """

    @property
    def text_marks(self) -> tuple[str, ...]:
        """The strings that it puts around a whole text; empty for a layer without marks."""
        return ()

    def keeps_mark(self, mark: str) -> bool:
        """Whether a mark that is put around a text stays one token, different from others."""
        return True

    def mark_help(self, mark: str) -> str | None:
        """The fix for a mark that the layer does not keep."""
        return None

    vocabulary_settings: ClassVar[tuple[str, ...]] = ()
    """For a layer with a vocabulary that other columns may share: the settings that determine it.
    Layers that share a vocabulary have these settings in common.
    """

    @property
    def indices_below(self) -> int | None:
        """The number above all indices that it gives in a `transform`; None if it is not known."""
        return None

    crosses_columns: ClassVar[bool] = False
    """Whether in a `transform` it takes the columns of its feature as separate tensors."""

    number_counterpart: ClassVar[str | None] = None
    """For a layer that takes strings, the equivalent for numbers."""
    takes_vectors: ClassVar[bool] = False
    """Whether a column of single strings has to be passed as vectors of one string."""

    reads_dates: ClassVar[bool] = False
    """Whether its input strings are dates and times."""

    def column_types(self) -> tuple[str, ...]:
        """The dtypes of columns that it accepts in a `transform`: `string`, and `float32` or
        `int64` for numbers.
        """
        return ("float32",)
