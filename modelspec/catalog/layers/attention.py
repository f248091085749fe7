"""Attention without projections: Attention, AdditiveAttention."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import Size, Tensor, product, total

from .common import features, need_equal, need_float, need_number
from .layer import Argument, Example, Inputs, Layer, Outputs, Weight, need_rank
from .mask_arguments import need_mask
from .saved import Saved, choices
from .setting_types import Rate, Seed

OPTIONS: Mapping[str, type] = {"return_attention_scores": bool, "use_causal_mask": bool}


class ScoredAttention(Layer):
    """Base of Attention and AdditiveAttention: query, value and key, without projections."""

    supports_masking = True
    uses_mask_of = ("value",)
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("inputs", many=True, least=2, most=3, items=("query", "value", "key")),
        Argument(
            "mask", required=False, many=True, least=2, most=3, items=("query", "value", "key")
        ),
    )
    options: ClassVar[Mapping[str, type]] = OPTIONS

    def mask_rank(self, rank: int) -> int | None:
        return 2

    def output(self, inputs: Inputs) -> Outputs:
        query, value, key = self.operands(inputs)
        self._check(query, value, key)
        for mask, x in zip(inputs.list("mask"), (query, value, key), strict=False):
            need_mask(mask, x.shape[:-1])
        result = self.result((*query.shape[:-1], value.shape[-1]))
        if not inputs.option("return_attention_scores"):
            return result
        return result, self.result((*query.shape[:-1], key.shape[-2]))

    def operands(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        query, value, *rest = inputs.many
        return query, value, rest[0] if rest else value

    def _check(self, query: Tensor, value: Tensor, key: Tensor) -> None:
        # Keras checks all of this only when the model runs.
        need_number(self, query, value, key)
        self.check_dtypes(query, key)
        need_rank(self, query, at_least=3)
        need_rank(self, value, query.rank)
        need_rank(self, key, query.rank)
        for a, b in zip(value.shape[:-1], key.shape[:-1], strict=True):
            need_equal(
                a, b, "the sizes of value and key, all but the last,", (value.shape, key.shape)
            )
        for a, b in zip(query.shape[:-2], value.shape[:-2], strict=True):
            need_equal(
                a, b, "the sizes of query and value before the last two", (query.shape, value.shape)
            )
        need_equal(
            query.shape[-1],
            key.shape[-1],
            "the last sizes of query and key",
            (query.shape, key.shape),
            help="project both to the same size first, with a `Dense` on each",
        )

    def check_dtypes(self, query: Tensor, key: Tensor) -> None:
        """Raises MS404 if scores cannot be computed in these dtypes."""
        if query.dtype == key.dtype == "bool":
            need_float(self, query)

    def output_names(self, inputs: Inputs) -> tuple[str, ...]:
        return ("output", "scores") if inputs.option("return_attention_scores") else ()

    def multiply_adds(self, inputs: Inputs) -> Size:
        query, value, key = self.operands(inputs)
        return product(
            (*query.shape[1:-1], key.shape[-2], total((query.shape[-1], value.shape[-1])))
        )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        query, _, key = self.operands(inputs)
        scores = self.result((*query.shape[:-1], key.shape[-2]))
        dropped = (scores, choices(scores)) if self.dropped else ()
        own = (scores, *dropped, *self.scored(query, key, scores))
        return Saved(inputs=True, places=self.multiplied, own=own)

    multiplied: ClassVar[tuple[int, ...]] = (1,)
    """The positions of the inputs that it multiplies without a copy."""

    @property
    def dropped(self) -> bool:
        """Whether dropout is applied to the scores in training."""
        return bool(getattr(self, "dropout", 0.0))

    def scored(self, query: Tensor, key: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
        """The tensors kept for the computation of the scores."""
        wide = self.result((*scores.shape, query.shape[-1]))
        return (wide,)


class Attention(ScoredAttention):
    """Dot-product attention without projections: averages the values, weighted by how well their
    keys match the query.

    ```yaml
    - Attention: {from: {query: decoded, value: encoded}}
    - Attention: {use_scale: true, from: [query, value, key]}
    ```

    Takes a query (batch, steps, features), a value (batch, others, width) and a key (the value by
    default) with the features of the query; gives (batch, steps, width). From Luong et al., 2015,
    https://arxiv.org/abs/1508.04025.
    """

    use_scale: bool = False
    score_mode: Literal["dot", "concat"] = "dot"
    dropout: Rate = 0.0
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 6), (None, 7, 6))),
        Example(
            {"use_scale": True, "score_mode": "concat"}, ((None, 4, 6), (None, 7, 3), (None, 7, 6))
        ),
        Example({}, ((None, None, 6), (None, None, 6)), options={"return_attention_scores": True}),
    )

    def check_dtypes(self, query: Tensor, key: Tensor) -> None:
        super().check_dtypes(query, key)
        if (
            self.score_mode == "dot"
            and not self.use_scale
            and not (is_float(query.dtype) or is_float(key.dtype))
        ):
            need_float(self, query)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        scale = (self.weight("scale"),) if self.use_scale else ()
        return (
            (*scale, self.weight("concat_score_weight")) if self.score_mode == "concat" else scale
        )

    def scored(self, query: Tensor, key: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
        if self.score_mode == "concat":
            return (*super().scored(query, key, scores) * 2, scores)
        return (self.like(key),)

    @property
    def multiplied(self) -> tuple[int, ...]:  # type: ignore[override]  # the settings decide
        return (0, 1) if self.score_mode == "dot" else (1,)


class AdditiveAttention(ScoredAttention):
    """Additive attention: scores are the sum over features of `tanh(query + key)`.

    ```yaml
    - AdditiveAttention: {from: {query: decoded, value: encoded}}
    ```

    Takes a query (batch, steps, features), a value (batch, others, width) and a key (the value by
    default) with the features of the query; gives (batch, steps, width). From Bahdanau et al.,
    2014, https://arxiv.org/abs/1409.0473.
    """

    use_scale: bool = True
    dropout: Rate = 0.0
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 6), (None, 7, 6))),
        Example(
            {"use_scale": False},
            ((None, 4, 6), (None, 7, 3), (None, 7, 6)),
            options={"return_attention_scores": True},
        ),
    )

    def check_dtypes(self, query: Tensor, key: Tensor) -> None:
        # Keras adds the two without a cast; the value may have any dtype.
        if "bool" in (query.dtype, key.dtype):
            need_float(self, query, key)
        if self.cast(query.dtype) != self.cast(key.dtype):
            raise Fault(
                "MS404",
                f"`AdditiveAttention` adds query and key, found {query.dtype} and {key.dtype}",
                help="give both inputs `dtype: float32`",
            )

    def output(self, inputs: Inputs) -> Outputs:
        if self.use_scale:
            features(self.operands(inputs)[0])
        return super().output(inputs)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return (self.weight("scale", self.operands(inputs)[0].shape[-1]),) if self.use_scale else ()
