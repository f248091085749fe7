"""Core layers: Dense, Embedding, ReversibleEmbedding, Masking, Activation, Identity."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor, product

from .activation import Elementwise
from .common import L, features, need_equal, need_number
from .facts import Takes
from .layer import LOW_RANK, Example, Inputs, Layer, Weight, need_rank
from .saved import Saved, and_activation, choices
from .setting_types import Activation as ActivationName
from .setting_types import Constraint, Count, Initializer, Number, Regularizer, omitted

NoQuantization = Annotated[None, omitted("quantize the model after training, in Python")]
FloatDtype = Literal["bfloat16", "float16", "float32", "float64"]


class Dense(Layer):
    """A fully connected layer: `activation(inputs @ kernel + bias)` over the last axis.

    ```yaml
    - Dense: {units: 64, activation: relu}
    ```

    Takes (batch, ..., features), gives (batch, ..., units).
    """

    supports_masking = True
    channel_bias = True
    low_rank = "kernel"

    units: Count
    activation: ActivationName | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    lora_rank: Count | None = None
    lora_alpha: float | None = None
    quantization_config: NoQuantization = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 3}, ((None, 5),)),
        Example({"units": 3, "use_bias": False}, ((None, 4, 5),)),
        Example({"units": 3, "lora_rank": 2}, ((None, 5),)),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return sparse[0].rank == 2

    @model_validator(mode="after")
    def _adapts_free_kernel(self) -> Self:
        return free_of_constraint(self, "kernel_constraint", self.lora_rank)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=2)
        need_number(self, x)
        features(x)
        return self.result((*x.shape[:-1], self.units))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        size = inputs.one.shape[-1]
        weights = [self.weight("kernel", size, self.units, trainable=self.lora_rank is None)]
        if self.use_bias:
            weights.append(self.weight("bias", self.units))
        return (*weights, *adapters(self, "kernel", self.lora_rank, size, self.units))

    def multiply_adds(self, inputs: Inputs) -> Size:
        return product((*inputs.one.shape[1:], self.units))


class Embedding(Layer):
    """Maps integers below `input_dim` to vectors of size `output_dim`.

    ```yaml
    - Embedding: {input_dim: 1000, output_dim: 16}
    - Embedding: {input_dim: 1000, output_dim: 16, mask_zero: true}
    ```

    Takes (batch, ...), gives (batch, ..., output_dim). With `mask_zero` the index 0 is padding,
    which later layers ignore.
    """

    table = "embeddings"
    low_rank = "embeddings"

    input_dim: Count
    output_dim: Count
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False
    lora_rank: Count | None = None
    lora_alpha: float | None = None
    quantization_config: NoQuantization = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"input_dim": 10, "output_dim": 4}, ((None, 5),), "int32"),
        Example({"input_dim": 10, "output_dim": 4, "mask_zero": True}, ((None, None),), "int64"),
        Example({"input_dim": 10, "output_dim": 4, "lora_rank": 2}, ((None,),), "int32"),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    @model_validator(mode="after")
    def _adapts_free_table(self) -> Self:
        return free_of_constraint(self, "embeddings_constraint", self.lora_rank)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_number(self, x)
        return self.result((*x.shape, self.output_dim))

    def makes_mask(self, options: Mapping[str, Any]) -> bool:
        return self.mask_zero

    def looks_up(self, options: Mapping[str, Any]) -> int | None:
        return self.input_dim

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        table = self.weight(
            "embeddings", self.input_dim, self.output_dim, trainable=self.lora_rank is None
        )
        return (
            table,
            *adapters(self, "embeddings", self.lora_rank, self.input_dim, self.output_dim),
        )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(own_for_weights=(inputs.one,))


class Masking(Elementwise):
    """Masks the steps whose features all equal `mask_value`: later layers ignore them.

    ```yaml
    - Masking
    - Masking: {mask_value: -1.0}
    ```

    Takes (batch, time, ...) and gives the same, with the masked steps set to zero.
    """

    keeps_values = "some"

    mask_value: Number = 0.0

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5),)),
        Example({}, ((None, None, 5),)),
    )

    def makes_mask(self, options: Mapping[str, Any]) -> bool:
        return True

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(own=(choices(inputs.one, (*inputs.one.shape[:-1], 1)),))


_FOR_BOOLEANS = ("exponential", "linear", "tanh")
"""The activations that TensorFlow supports for every numeric dtype."""
_FOR_INTEGERS = ("leaky_relu", "relu", "relu6")
"""The activations that TensorFlow supports for integers as well, but not for booleans."""


class Activation(Elementwise):
    """Applies an activation function.

    ```yaml
    - Activation: gelu
    ```

    Takes any shape and gives the same.
    """

    prepares_data = True

    activation: ActivationName | None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"activation": "relu"}, ((None, 5),)),
        Example({"activation": "softmax"}, ((None, 4, 5),)),
    )

    @classmethod
    def family(cls) -> str:
        return "activation"

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        if self.activation is None or self.activation in _FOR_BOOLEANS:
            return "any"
        return "numbers" if self.activation in _FOR_INTEGERS else "floats"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return and_activation(Saved(), self.activation, made[0], alone=True)


class ReversibleEmbedding(Layer):
    """An embedding that can also be called in reverse, to project vectors to one score per index.

    ```yaml
    shared:
      words: {ReversibleEmbedding: {input_dim: 1000, output_dim: 16}}
    layers:
      - words: {from: tokens, name: vectors}
      - words: {from: vectors, call: {reverse: true}}
    ```

    Takes (batch, ...), gives (batch, ..., output_dim); with `reverse: true` takes (batch, ...,
    output_dim), gives (batch, ..., input_dim). With `tie_weights` both use the same matrix.
    """

    table = "embeddings"
    low_rank = "embeddings"
    options: ClassVar[Mapping[str, type]] = {"reverse": bool}

    input_dim: Count
    output_dim: Count
    tie_weights: bool = True
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False
    reverse_dtype: FloatDtype | None = None
    logit_soft_cap: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"input_dim": 10, "output_dim": 4}, ((None, 5),), "int32"),
        Example(
            {"input_dim": 10, "output_dim": 4, "tie_weights": False},
            ((None, 5, 4),),
            options={"reverse": True},
        ),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_number(self, x)
        if not inputs.option("reverse"):
            return self.result((*x.shape, self.output_dim))
        need_rank(self, x, at_least=2)
        need_equal(
            x.shape[-1],
            self.output_dim,
            "the last size of the vectors and `output_dim`",
            (x.shape,),
        )
        return self.result((*x.shape[:-1], self.input_dim))

    def makes_mask(self, options: Mapping[str, Any]) -> bool:
        return self.mask_zero and not options.get("reverse")

    def looks_up(self, options: Mapping[str, Any]) -> int | None:
        return None if options.get("reverse") else self.input_dim

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        table = self.weight("embeddings", self.input_dim, self.output_dim)
        return (
            (table,)
            if self.tie_weights
            else (table, self.weight("reverse_embeddings", self.output_dim, self.input_dim))
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        return product((*inputs.one.shape[1:], self.input_dim)) if inputs.option("reverse") else 0

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if inputs.option("reverse"):
            return super().saved(inputs, made)
        return Saved(own_for_weights=(inputs.one,))


class Identity(Layer):
    """Returns its input unchanged, e.g. to name it.

    ```yaml
    - Identity: {name: features}
    ```
    """

    supports_masking = True
    keeps_dtype = True
    keeps_values = "all"
    keeps_sparse = "all"
    prepares_data = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({}, ((None, None),), "int32"),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    def column_types(self) -> tuple[str, ...]:
        return ("string", "float32")

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(inputs.one)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(passes_on=True)


def free_of_constraint(layer: L, constraint: str, rank: int | None) -> L:
    """Raises if a low-rank adapter and a constraint are combined: the constrained weight is not the
    one that is used.
    """
    if rank is not None and getattr(layer, constraint) is not None:
        refuse(
            f"`lora_rank` and `{constraint}` cannot be used together",
            "MS208",
            constraint,
            help="leave one of them out",
        )
    return layer


def adapters(
    layer: Layer, name: str, rank: int | None, rows: Size, columns: Size
) -> tuple[Weight, ...]:
    """The two factors of a low-rank update of the named weight (LoRA,
    https://arxiv.org/abs/2106.09685).
    """
    if rank is None:
        return ()
    name = f"{LOW_RANK}{name}"
    first, second = layer.weight(f"{name}_a", rows, rank), layer.weight(f"{name}_b", rank, columns)
    # Always float32, independent of the layer's dtype.
    return first._replace(dtype="float32"), second._replace(dtype="float32")
