"""Layers for sequences of indices: Embedding, ReversibleEmbedding, Masking."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.shapes import Size, Tensor, product

from .common import need_equal, need_number
from .core import FloatDtype, NoQuantization, adapters, free_of_constraint
from .elementwise import Elementwise
from .layer import Example, Inputs, Layer, Weight, need_rank
from .saved import Saved, choices
from .setting_types import Constraint, Count, Initializer, Number, Regularizer


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
