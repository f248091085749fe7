"""Layers that convert categories to numbers without a vocabulary: Hashing, HashedCrossing,
CategoryEncoding, Discretization.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_integer, variable_dtype
from modelspec.core.settings import Unfit, is_int, refuse
from modelspec.core.shapes import Shape, Size, Tensor, needs, show

from .common import need_equal, need_number, without_trainable
from .layer import Argument, Example, Inputs, Layer, need_rank
from .setting_types import Count, NoPolicy, Number, either

Mode = Literal["int", "one_hot", "multi_hot", "count"]


def _token(value: Any) -> int | str:
    if isinstance(value, str) or is_int(value):
        token: int | str = value
        return token
    raise Unfit("a string or an integer")


Token = Annotated[Any, PlainValidator(_token, json_schema_input_type=int | str)]


class OwnDtype(Layer):
    """A layer whose dtype does not follow the precision of the model: it computes indices, or
    encodes them.
    """

    dtype: NoPolicy = None


def encoded(layer: Layer, x: Tensor, mode: str, depth: Size) -> Shape:
    """The shape of categories in one of Keras's output modes: unchanged, or with an axis of size
    `depth` in their place.
    """
    if mode == "int":
        return x.shape
    if mode == "one_hot":
        need_rank(layer, x, at_least=1)
        return (*(x.shape[:-1] if x.rank > 1 and x.shape[-1] == 1 else x.shape), depth)
    # Keras counts along axis 1: with another rank the result differs from the reported shape.
    need_rank(layer, x, 2)
    return (x.shape[0], depth)


def need_entries(layer: Layer, mode: str, given: Tensor) -> None:
    """Raises MS405 inside a `Pipeline` if a vector would replace the last axis only when its size
    is 1.
    """
    if mode == "one_hot" and given.rank > 1:
        needs(
            given.shape[-1],
            f"the last axis of the input of `{layer.kind()}` inside a `Pipeline`",
            "set the input's last size to a number, or encode outside of the `Pipeline`",
        )


def check_sparse(sparse: bool, mode: str) -> None:
    """Raises MS208 if `sparse` is combined with integer output, or with weights of tokens, which
    TensorFlow cannot multiply with a sparse tensor.
    """
    if sparse and mode == "tf_idf":
        refuse(
            "`sparse` does not work with `output_mode: tf_idf`",
            "MS208",
            "sparse",
            help="leave `sparse` out, or use `output_mode: count`",
        )
    if sparse and mode == "int":
        refuse(
            "`sparse` requires an output mode that gives vectors, found `int`",
            "MS208",
            "sparse",
            help="leave `sparse` out, or use `output_mode: multi_hot`",
        )


_COUNTED = ("int32", "int64", "float32", "float64")
"""The dtypes in which TensorFlow counts."""


def need_counted(mode: str, dtype: str) -> None:
    """Raises MS404 if values would be counted in a dtype that TensorFlow does not support."""
    if mode in ("multi_hot", "count", "binary") and dtype not in _COUNTED:
        raise Fault(
            "MS404",
            f"`output_mode: {mode}` cannot count in {dtype}",
            ("dtype",),
            help="use `float32`, or `output_mode: one_hot`",
        )


class Hashing(OwnDtype):
    """Hashes each value into one of `num_bins` bins.

    ```yaml
    - Hashing: 1000
    - Hashing: {num_bins: 1000, output_mode: multi_hot}
    ```

    Takes strings or integers of any shape, gives the bins (`int`), or vectors: `one_hot` for
    (batch, ..., 1), `multi_hot` and `count` for (batch, values).
    """

    prepares_data = True
    takes_vectors = True

    num_bins: Count
    mask_value: Token | None = None
    salt: Annotated[Any, either(int)] | None = None
    output_mode: Mode = "int"
    sparse: bool = False

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_bins": 10}, ((None, 5),), "string"),
        Example({"num_bins": 10, "output_mode": "one_hot", "salt": 3}, ((None, 4, 1),), "int64"),
        Example(
            {"num_bins": 10, "output_mode": "multi_hot", "mask_value": ""}, ((None, 5),), "string"
        ),
        Example({"num_bins": 10, "output_mode": "one_hot"}, ((None, 1),), "int64"),
    )

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        check_sparse(self.sparse, self.output_mode)
        if isinstance(self.salt, tuple) and len(self.salt) != 2:
            refuse(
                "`salt` of `Hashing` must be an integer or a list of 2 integers", "MS205", "salt"
            )
        if self.output_mode == "int" and self.dtype not in (None, "int32", "int64"):
            refuse(
                f"`Hashing` gives integers, which `{self.dtype}` cannot represent",
                "MS208",
                "dtype",
                help="leave `dtype` out, or use `int32` or `int64`",
            )
        return self

    @property
    def masked_by(self) -> str | None:
        return "mask_value" if self.output_mode == "int" else None

    def column_types(self) -> tuple[str, ...]:
        return ("string", "int64")

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        dtype = "int64" if self.output_mode == "int" else "float32"
        if self.output_mode == "one_hot" and (x.rank < 2 or x.shape[-1] != 1):
            # Keras 3.15 reports a different shape than it computes.
            raise Fault(
                "MS401",
                f"`Hashing` takes a last axis of size 1 for `one_hot`, found {show(x.shape)}",
                help="take one column at a time, or use `output_mode: multi_hot`",
            )
        self._check_mask(x)
        made = variable_dtype(self.dtype or dtype)
        need_counted(self.output_mode, made)
        return Tensor(encoded(self, x, self.output_mode, self.num_bins), made)

    def _check_mask(self, x: Tensor) -> None:
        """Raises MS404 if no value can equal the mask value. Keras raises only when it runs."""
        text = isinstance(self.mask_value, str)
        if self.mask_value is not None and text != (x.dtype == "string"):
            raise Fault(
                "MS404",
                f"the `mask_value` of `Hashing` is {'a string' if text else 'a number'}, and its"
                f" input {x}",
                ("mask_value",),
                help="write a value of the input's dtype, or leave `mask_value` out",
            )


class CategoryEncoding(Layer):
    """Encodes integers below `num_tokens` as vectors.

    ```yaml
    - CategoryEncoding: {num_tokens: 10, output_mode: one_hot}
    ```

    `one_hot` takes any shape and adds an axis (in place of a last one of size 1); `multi_hot` and
    `count` take (batch, values) and give (batch, num_tokens). `count` also takes `count_weights`,
    one for each value.
    """

    prepares_data = True
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("inputs"),
        Argument("count_weights", required=False),
    )

    num_tokens: Annotated[int, Field(ge=1)] | None = None
    output_mode: Literal["multi_hot", "one_hot", "count", "binary"] = "multi_hot"
    sparse: bool = False

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_tokens": 6, "output_mode": "one_hot"}, ((None, 1),), "int32"),
        Example({"num_tokens": 6, "output_mode": "one_hot"}, ((None, 4),), "int64"),
        Example({"num_tokens": 6}, ((None, 5),), "int32"),
        Example(
            {"num_tokens": 6, "output_mode": "count"},
            {"inputs": (None, 5), "count_weights": (None, 5)},
            "int32",
        ),
    )

    @model_validator(mode="after")
    def _has_tokens(self) -> Self:
        if self.num_tokens is None:
            raise Fault(
                "MS203",
                "`CategoryEncoding` requires `num_tokens`",
                at_key=True,
                help=(
                    "write `CategoryEncoding: {num_tokens: ...}`, or use `IntegerLookup`, which"
                    " learns it"
                ),
            )
        return self

    def column_types(self) -> tuple[str, ...]:
        return ("int64",)

    @property
    def trains_sparse(self) -> bool:
        return self.output_mode == "one_hot"

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        need_entries(self, self.output_mode, given)
        return said._replace(dtype=self.variable_dtype)

    def output(self, inputs: Inputs) -> Tensor:
        x, weights = inputs.one, inputs.tensor("count_weights")
        need_number(self, x)
        need_counted(self.output_mode, self.variable_dtype)
        if self.output_mode != "one_hot" and is_integer(x.dtype) and x.dtype not in _COUNTED:
            raise Fault(
                "MS404",
                f"`output_mode: {self.output_mode}` counts int32 or int64, found {x.dtype}",
                help="give the input `dtype: int32`, or use `output_mode: one_hot`",
            )
        if weights and self.output_mode != "count":
            raise Fault(
                "MS208",
                f"`count_weights` requires `output_mode: count`, found `{self.output_mode}`",
                ("output_mode",),
                help="use `output_mode: count`, or leave `count_weights` out",
            )
        if weights:
            need_counted(self.output_mode, self.compute_dtype)  # to which Keras casts the weights
            need_rank(self, weights, x.rank, argument="count_weights")
            for a, b in zip(x.shape, weights.shape, strict=True):
                need_equal(
                    a,
                    b,
                    "the sizes of values and `count_weights`",
                    (x.shape, weights.shape),
                    argument="count_weights",
                )
        return self.result(encoded(self, x, self.output_mode, self.num_tokens))


def _rising(value: tuple[float, ...]) -> None:
    if not value or any(a > b for a, b in pairwise(value)):
        refuse(
            "`bin_boundaries` of `Discretization` must be increasing, with at least one",
            "MS205",
            "bin_boundaries",
            help="sort them",
        )


class Discretization(OwnDtype):
    """Maps numbers to the index of their bin. The boundaries are given or learned from the data.

    ```yaml
    - Discretization: {bin_boundaries: [0.0, 1.0, 2.0]}
    - Discretization: {num_bins: 10, output_mode: one_hot}
    ```

    Takes numbers of any shape, gives the index of the bin of each (`int`), or vectors: `one_hot`
    adds an axis (in place of a last one of size 1), `multi_hot` and `count` replace the second axis
    with it. In a `transform`, `num_bins` learns the quantiles i / num_bins of all values of the
    training rows, exactly, with linear interpolation as in `numpy.quantile`; a value on a boundary
    belongs to the bin above it. Boundaries repeat if one value fills several bins.
    """

    constructed_trainable = False
    no_kernel_in = ("uint64",)
    keeps_sparse = "all"
    prepares_data = True
    adapts = ("bin_boundaries",)

    bin_boundaries: tuple[Number, ...] | None = None
    num_bins: Count | None = None
    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.01
    output_mode: Mode = "int"
    sparse: bool = False

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"bin_boundaries": (0.0, 1.0, 2.0)}, ((None, 5),)),
        Example({"bin_boundaries": (0.0, 1.0), "output_mode": "one_hot"}, ((None, 1),)),
        Example({"bin_boundaries": (0.0, 1.0), "output_mode": "multi_hot"}, ((None, 5),)),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return self.output_mode != "one_hot"

    @model_validator(mode="after")
    def _boundaries_or_bins(self) -> Self:
        without_trainable(self)
        check_sparse(self.sparse, self.output_mode)
        if self.bin_boundaries is not None and self.num_bins is not None:
            refuse(
                "`bin_boundaries` and `num_bins` cannot be used together",
                "MS208",
                "num_bins",
                help="give the boundaries, or the number of bins to learn",
            )
        if self.bin_boundaries is not None:
            _rising(self.bin_boundaries)
        elif self.num_bins is None:
            raise Fault(
                "MS203",
                "`Discretization` requires `bin_boundaries` or `num_bins`",
                at_key=True,
                help="write `Discretization: {num_bins: ...}` to learn the bins from the data",
            )
        return self

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        need_entries(self, self.output_mode, given)
        return said

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_number(self, x)
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        if self.output_mode == "int":
            return Tensor(x.shape, "int32")
        dtype = (self.dtype or "float32").removeprefix("mixed_")
        if self.output_mode == "one_hot":
            return Tensor(encoded(self, x, "one_hot", depth), dtype)
        need_counted(self.output_mode, dtype)
        need_rank(self, x, at_least=2)
        return Tensor((x.shape[0], *x.shape[2:], depth), dtype)
