"""Core layers: Dense, Activation, Identity."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor, product

from .common import L, features, need_number
from .elementwise import Elementwise
from .facts import Takes
from .layer import LOW_RANK, Example, Inputs, Layer, Weight, need_rank
from .saved import Saved, and_activation
from .setting_types import Activation as ActivationName
from .setting_types import Constraint, Count, Initializer, Regularizer, omitted

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
