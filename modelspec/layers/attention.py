"""Attention: MultiHeadAttention, Attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import model_validator

from ..diagnostics import Fault
from ..settings import refuse
from ..shapes import Shape, Size, Tensor, broadcasts, product, show, total
from .base import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .common import axis_in, features, need_equal, need_number
from .types import Constraint, Count, Initializer, Rate, Regularizer, Seed, either

SCORES_OPTIONS: Mapping[str, type] = {"return_attention_scores": bool, "use_causal_mask": bool}
_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")


class ProjectedAttention(Layer):
    """What attention layers share that project query, key and value and attend with several heads."""

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("query"), Argument("value"), Argument("key", required=False),
        *(Argument(mask, required=False) for mask in _MASKS),
    )
    options: ClassVar[Mapping[str, type]] = SCORES_OPTIONS

    dropout: Rate = 0.0
    use_bias: bool = True
    sliding_window: Count | None = None
    flash_attention: bool | None = None
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    use_gate: bool = False
    seed: Seed | None = None

    @model_validator(mode="after")
    def _flash_without_dropout(self) -> Self:
        if self.flash_attention and self.dropout > 0:
            refuse("flash attention cannot drop scores", "MS208", "dropout",
                   help="leave `dropout` out, or `flash_attention`")
        return self

    def projection(self, name: str, *kernel: Size, bias: tuple[Size, ...]) -> tuple[Weight, ...]:
        """The weights of one projection."""
        made = self.weight(f"{name}/kernel", *kernel)
        return (made, self.weight(f"{name}/bias", *bias)) if self.use_bias else (made,)

    def check_flash(self, inputs: Inputs) -> None:
        if self.flash_attention and inputs.option("return_attention_scores"):
            raise Fault("MS208", "flash attention does not give its scores", ("flash_attention",),
                        help="leave `flash_attention` or `return_attention_scores` out")

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", "scores") if inputs.option("return_attention_scores") else ()


class MultiHeadAttention(ProjectedAttention):
    """Attention with several heads: each projects query, key and value, and weighs the values by how well their keys
    fit the query.

    ```yaml
    - MultiHeadAttention: {num_heads: 4, key_dim: 32, from: {query: x, value: x}, call: {use_causal_mask: true}}
    - MultiHeadAttention: {num_heads: 4, key_dim: 32, from: {query: decoded, value: encoded}}
    ```

    Takes a query (batch, steps, features), a value (batch, others, features) and a key (the value by default). Gives
    (batch, steps, features of the query), or `output_shape` in place of the last. `attention_axes` says over which
    axes to attend where there are more than three. From Vaswani et al., 2017, https://arxiv.org/abs/1706.03762.
    """

    num_heads: Count
    key_dim: Count
    value_dim: Count | None = None
    output_shape: Annotated[Any, either(int, least=1)] | None = None
    attention_axes: Annotated[Any, either(int)] | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_heads": 2, "key_dim": 3}, {"query": (None, 4, 6), "value": (None, 4, 6)}),
        Example({"num_heads": 2, "key_dim": 3, "value_dim": 5, "use_bias": False},
                {"query": (None, 4, 6), "value": (None, 7, 8), "key": (None, 7, 9)}),
        Example({"num_heads": 2, "key_dim": 3, "attention_axes": (1, 2), "output_shape": 5},
                {"query": (None, 4, 5, 6), "value": (None, 4, 5, 6)}),
        Example({"num_heads": 2, "key_dim": 3, "use_gate": True}, {"query": (None, None, 6), "value": (None, None, 6)},
                options={"return_attention_scores": True}),
    )
