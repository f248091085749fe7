"""Attention with several heads: MultiHeadAttention, GroupQueryAttention."""

from collections.abc import Container, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Shape, Size, Tensor, broadcasts, product, show, total

from .attention import OPTIONS
from .common import axis_in, features, need_equal, need_number
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .mask_arguments import need_mask
from .saved import Saved, choices
from .setting_types import Constraint, Count, Initializer, Rate, Regularizer, Seed, either

_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")


class ProjectedAttention(Layer):
    """Base of attention layers that project query, key and value for several heads."""

    supports_masking = True
    uses_mask_of = ("value", "key")
    low_rank = "kernel"
    keeps_rank: ClassVar[bool] = True
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("query"),
        Argument("value"),
        Argument("key", required=False),
        *(Argument(mask, required=False) for mask in _MASKS),
    )
    options: ClassVar[Mapping[str, type]] = OPTIONS

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
            refuse(
                "flash attention does not support dropout",
                "MS208",
                "dropout",
                help="leave out `dropout` or `flash_attention`",
            )
        return self

    def projection(self, name: str, *kernel: Size, bias: tuple[Size, ...]) -> tuple[Weight, ...]:
        """The weights of one projection."""
        made = self.weight(f"{name}/kernel", *kernel)
        return (made, self.weight(f"{name}/bias", *bias)) if self.use_bias else (made,)

    def operands(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        """Query, value and key."""
        query, value = inputs.tensor("query"), inputs.tensor("value")
        assert query is not None and value is not None
        return query, value, inputs.tensor("key") or value

    def check_flash(self, inputs: Inputs) -> None:
        """Raises MS208 if the call uses flash attention: Keras raises only when the model runs.

        With more than one axis of steps Keras ignores the setting.
        """
        if self.flash_attention and inputs.option("return_attention_scores"):
            raise Fault(
                "MS208",
                "flash attention cannot return its scores",
                ("flash_attention",),
                help="leave out `flash_attention` or `return_attention_scores`",
            )
        if self.flash_attention and self.operands(inputs)[0].rank == 3:
            raise Fault(
                "MS208",
                "TensorFlow does not support flash attention",
                ("flash_attention",),
                help="leave out `flash_attention`",
            )

    def cost(self, inputs: Inputs, places: Size, others: Size, attending: Size) -> Size:
        """Multiply-adds of the projections at the positions of query and value, and of the
        attention.
        """
        kernels = {
            w.name: product(w.shape) for w in self.weights(inputs) if w.name.endswith("/kernel")
        }
        at_query = total(
            kernels.get(f"{name}/kernel", 0) for name in ("query", "gate", "attention_output")
        )
        at_value = total(kernels[f"{name}/kernel"] for name in ("key", "value"))
        return total((product((places, at_query)), product((others, at_value)), attending))

    def mask_rank(self, rank: int) -> int | None:
        return 2

    def mask_of_scores(
        self, masked: Container[str], options: Mapping[str, Any], scores: Shape
    ) -> Shape | None:
        """Keras computes the scores with a `Softmax` layer, which propagates its mask."""
        if len(scores) != 4:
            return None  # more than one attention axis
        both = (
            self.sliding_window is not None
            or bool(options.get("use_causal_mask"))
            or "attention" in masked
        )
        of_query = both or "query" in masked
        of_value = both or "value" in masked or "key" in masked
        if not (of_query or of_value):
            return None
        batch, _, places, others = scores
        return (batch, 1, places if of_query else 1, others if of_value else 1)

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", "scores") if inputs.option("return_attention_scores") else ()

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        weights = self.weights(inputs)
        shapes = {one.name: one.shape for one in weights}
        query, value, _ = self.operands(inputs)
        attended = self.result((*query.shape[:-1], *shapes["attention_output/kernel"][:2]))
        heads = [self.result((*query.shape[:-1], *shapes["query/kernel"][1:]))]
        # Each query head has its own copy of the key and value that several heads share.
        heads += [
            self.result((*value.shape[:-1], attended.shape[-2], shapes[f"{one}/kernel"][-1]))
            for one in ("key", "value")
        ]
        scores = self.result(self.scores(query, value))
        if self.dropout:
            dropped: tuple[Tensor, ...] = (scores, choices(scores))
        else:
            dropped = (choices(scores),) if inputs.option("use_causal_mask") else ()
        gated = (attended, attended) if self.use_gate else ()
        own = (*heads, scores, *dropped, *gated)
        return Saved(for_weights=True, own=own, own_for_weights=(attended,))

    def scores(self, query: Tensor, value: Tensor) -> Shape:
        """The sizes of the scores: one for each head, position of the query and position of the
        value.
        """
        raise NotImplementedError


class MultiHeadAttention(ProjectedAttention):
    """Multi-head attention: each head projects query, key and value, and averages the values,
    weighted by how well their keys match the query.

    ```yaml
    - MultiHeadAttention:
        num_heads: 4
        key_dim: 32
        from: {query: x, value: x}
        call: {use_causal_mask: true}
    - MultiHeadAttention: {num_heads: 4, key_dim: 32, from: {query: decoded, value: encoded}}
    ```

    Takes a query (batch, steps, features), a value (batch, others, features) and a key (the value
    by default). Gives (batch, steps, features of the query), or `output_shape` in place of the last
    axis. `attention_axes` selects the axes to attend over if there are more than three. From
    Vaswani et al., 2017, https://arxiv.org/abs/1706.03762.
    """

    num_heads: Count
    key_dim: Count
    value_dim: Count | None = None
    output_shape: Annotated[Any, either(int, least=1)] | None = None
    attention_axes: Annotated[Any, either(int)] | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_heads": 2, "key_dim": 3}, {"query": (None, 4, 6), "value": (None, 4, 6)}),
        Example(
            {"num_heads": 2, "key_dim": 3, "value_dim": 5, "use_bias": False},
            {"query": (None, 4, 6), "value": (None, 7, 8), "key": (None, 7, 9)},
        ),
        Example(
            {"num_heads": 2, "key_dim": 3, "attention_axes": (1, 2), "output_shape": 5},
            {"query": (None, 4, 5, 6), "value": (None, 4, 5, 6)},
        ),
        Example(
            {"num_heads": 2, "key_dim": 3, "use_gate": True},
            {"query": (None, None, 6), "value": (None, None, 6)},
            options={"return_attention_scores": True},
        ),
    )

    @classmethod
    @cache
    def primary(cls) -> str | None:
        return "num_heads"

    def misused_mask(self, x: Tensor, given: bool) -> str | None:
        attended = self._attended(x)
        if given or attended == (1,):
            return None
        axes = "axis " if len(attended) == 1 else "axes "
        axes += " and ".join(map(str, attended))
        return f"attends over {axes}, and the mask marks axis 1"

    def output(self, inputs: Inputs) -> Outputs:
        query, value, _ = self.operands(inputs)
        self.check_flash(inputs)
        self._check(inputs)
        check_masks(inputs, query, value)
        result = self.result((*query.shape[:-1], *self._output_sizes(query)))
        if not inputs.option("return_attention_scores"):
            return result
        return result, self.result(self._scores(query, value))

    def _output_sizes(self, query: Tensor) -> tuple[Size, ...]:
        if self.output_shape is None:
            return (query.shape[-1],)
        return (
            (self.output_shape,) if isinstance(self.output_shape, int) else tuple(self.output_shape)
        )

    def _attended(self, x: Tensor) -> tuple[int, ...]:
        """The axes to attend over: all but the first and the last by default."""
        if self.attention_axes is None:
            return tuple(range(1, x.rank - 1))
        given = (
            (self.attention_axes,) if isinstance(self.attention_axes, int) else self.attention_axes
        )
        axes = tuple(axis_in(self, axis, x, "attention_axes") for axis in given)
        if not all(0 < axis < x.rank - 1 for axis in axes):
            raise Fault(
                "MS407",
                "`MultiHeadAttention` cannot attend over the batch or the last axis",
                ("attention_axes",),
                help=f"use axes from 1 to {x.rank - 2}",
            )
        return axes

    def _check(self, inputs: Inputs) -> None:
        query, value, key = self.operands(inputs)
        need_number(self, query, value, key)
        # Keras checks ranks and the query's sizes only when the model runs.
        need_rank(self, query, at_least=3, argument="query")
        need_rank(self, value, query.rank, argument="value")
        need_rank(self, key, query.rank, argument="key")
        for x, name in ((query, "query"), (key, "key"), (value, "value")):
            features(x, name)
        need_same_places(value, key)
        attended = self._attended(query)
        if query.rank > 3 and (self.sliding_window or inputs.option("use_causal_mask")):
            # Both masks apply to axis 1 only, independent of the attention axes.
            raise Fault(
                "MS401",
                "a causal mask and a sliding window require a single axis of steps, found "
                f"{query.rank - 2}: {show(query.shape)}",
                argument="query",
                help="merge the axes with `Reshape`, or pass an `attention_mask`",
            )
        for axis in range(query.rank - 1):
            if axis not in attended:
                need_equal(
                    query.shape[axis],
                    value.shape[axis],
                    f"the sizes of query and value along axis {axis}",
                    (query.shape, value.shape),
                    argument="value",
                )

    def _scores(self, query: Tensor, value: Tensor) -> Shape:
        """One score for each head, position of the query and position of the value.

        Keras assumes that the value has as many positions as the query; otherwise the size is
        unknown here.
        """
        attended = self._attended(query)
        kept = tuple(
            size for axis, size in enumerate(query.shape[:-1]) if axis and axis not in attended
        )
        if len(attended) == 1 and not kept:
            places, others = query.shape[1], value.shape[1]
            return (query.shape[0], self.num_heads, places, places if places == others else None)
        return (query.shape[0], *(None,) * (len(kept) + 1 + 2 * len(attended)))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        query, value, key = self.operands(inputs)
        heads, width = self.num_heads, self.value_dim or self.key_dim
        made = self.projection(
            "query", query.shape[-1], heads, self.key_dim, bias=(heads, self.key_dim)
        )
        made += self.projection(
            "key", key.shape[-1], heads, self.key_dim, bias=(heads, self.key_dim)
        )
        if self.use_gate:
            made += self.projection("gate", query.shape[-1], heads, width, bias=(heads, width))
        made += self.projection("value", value.shape[-1], heads, width, bias=(heads, width))
        out = self._output_sizes(query)
        return made + self.projection("attention_output", heads, width, *out, bias=out)

    def multiply_adds(self, inputs: Inputs) -> Size:
        query, value, _ = self.operands(inputs)
        places, others = product(query.shape[1:-1]), product(value.shape[1:-1])
        seen = product(value.shape[axis] for axis in self._attended(query))
        width = self.num_heads * (self.key_dim + (self.value_dim or self.key_dim))
        return self.cost(inputs, places, others, product((places, seen, width)))

    def scores(self, query: Tensor, value: Tensor) -> Shape:
        attended = self._attended(query)
        kept = [size for axis, size in enumerate(query.shape[:-1]) if axis not in attended]
        places = [x.shape[axis] for x in (query, value) for axis in attended]
        copies = (
            1 if len(attended) == 1 else 2
        )  # a softmax along several axes consists of several operations
        return (kept[0], *kept[1:], self.num_heads, *places, copies)


class GroupQueryAttention(ProjectedAttention):
    """Multi-head attention in which groups of query heads share one projection of key and value.

    ```yaml
    - GroupQueryAttention:
        head_dim: 32
        num_query_heads: 8
        num_key_value_heads: 2
        from: {query: x, value: x}
    ```

    Takes a query (batch, steps, features), a value (batch, others, features) and a key (the value
    by default); gives the shape of the query. From Ainslie et al., 2023,
    https://arxiv.org/abs/2305.13245.
    """

    head_dim: Count
    num_query_heads: Count
    num_key_value_heads: Count

    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
            {"query": (None, 4, 6), "value": (None, 4, 6)},
        ),
        Example(
            {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 2, "use_gate": True},
            {"query": (None, None, 6), "value": (None, 7, 6), "key": (None, 7, 9)},
        ),
        Example(
            {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1, "use_bias": False},
            {"query": (None, 4, 6), "value": (None, 7, 6)},
            options={"return_attention_scores": True},
        ),
    )

    @classmethod
    @cache
    def primary(cls) -> str | None:
        return "head_dim"

    @model_validator(mode="after")
    def _heads_make_groups(self) -> Self:
        if self.num_query_heads % self.num_key_value_heads:
            refuse(
                f"{self.num_query_heads} query heads cannot be split into"
                f" {self.num_key_value_heads} groups",
                "MS408",
                "num_key_value_heads",
                help="use a number that divides `num_query_heads`",
            )
        return self

    def output(self, inputs: Inputs) -> Outputs:
        query, value, key = self.operands(inputs)
        self.check_flash(inputs)
        for x, name in ((query, "query"), (value, "value"), (key, "key")):
            need_number(self, x)
            need_rank(self, x, 3, argument=name)
            features(x, name)
        need_equal(
            query.shape[-1],
            value.shape[-1],
            "the last sizes of query and value",
            (query.shape, value.shape),
            argument="value",
            help="project one of them to the size of the other, with a `Dense`",
        )
        need_same_places(value, key)
        check_masks(inputs, query, value)
        result = self.result(query.shape)
        if not inputs.option("return_attention_scores"):
            return result
        return result, self.result(
            (query.shape[0], self.num_query_heads, query.shape[1], key.shape[1])
        )

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        query, value, key = self.operands(inputs)
        heads, groups = (
            (self.num_query_heads, self.head_dim),
            (
                self.num_key_value_heads,
                self.head_dim,
            ),
        )
        made = self.projection("query", query.shape[-1], *heads, bias=heads)
        made += self.projection("key", key.shape[-1], *groups, bias=groups)
        if self.use_gate:
            made += self.projection("gate", query.shape[-1], *heads, bias=heads)
        made += self.projection("value", value.shape[-1], *groups, bias=groups)
        return made + self.projection(
            "attention_output", *heads, query.shape[-1], bias=(query.shape[-1],)
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        query, value, _ = self.operands(inputs)
        width = 2 * self.num_query_heads * self.head_dim
        return self.cost(
            inputs, query.shape[1], value.shape[1], product((query.shape[1], value.shape[1], width))
        )

    def scores(self, query: Tensor, value: Tensor) -> Shape:
        return (query.shape[0], self.num_query_heads, query.shape[1], value.shape[1])


def need_same_places(value: Tensor, key: Tensor) -> None:
    """Raises if value and key differ in more than their last size: they must have the same
    positions.
    """
    for a, b in zip(value.shape[1:-1], key.shape[1:-1], strict=True):
        need_equal(
            a,
            b,
            "the sizes of value and key, all but the last,",
            (value.shape, key.shape),
            argument="key",
        )
        if (a is None or b is None) and isinstance(a, int) != isinstance(b, int):
            # Keras treats two unknown sizes as equal, and an unknown size and a number as
            # different.
            raise Fault(
                "MS405",
                "value and key must have equal sizes, but one size is known and the other "
                f"is not: {show(value.shape)} and {show(key.shape)}",
                argument="key",
                help="set both sizes to a number, or neither",
            )


def check_masks(inputs: Inputs, query: Tensor, value: Tensor) -> None:
    """Raises MS401, MS403 or MS409 if a mask does not match the scores. Keras raises only when the
    model runs.
    """
    for name, x in (("query_mask", query), ("value_mask", value), ("key_mask", value)):
        if mask := inputs.tensor(name):
            need_mask(mask, x.shape[:-1], name)
    mask = inputs.tensor("attention_mask")
    if mask and mask.rank >= 3 and query.rank == 3:
        for size, wanted in zip(mask.shape[-2:], (query.shape[1], value.shape[1]), strict=True):
            if not broadcasts(size, wanted):
                need_equal(
                    size,
                    wanted,
                    "the last two sizes of `attention_mask` and the sizes of the scores",
                    (mask.shape, query.shape, value.shape),
                    argument="attention_mask",
                )
