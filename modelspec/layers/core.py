"""Layers that every network has: Dense, Embedding, Masking, Activation."""

from __future__ import annotations

from typing import ClassVar

from ..shapes import Size, Tensor, needs, product
from .base import Example, Inputs, Layer, Weight, need_rank
from .types import Activation as ActivationName
from .types import Constraint, Count, Initializer, Regularizer


class Dense(Layer):
    """A fully connected layer: `activation(inputs @ kernel + bias)` over the last axis.

    ```yaml
    - Dense: {units: 64, activation: relu}
    ```

    Takes (batch, ..., features), gives (batch, ..., units).
    """

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
    quantization_config: None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 3}, ((None, 5),)),
        Example({"units": 3, "use_bias": False}, ((None, 4, 5),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=2)
        _features(x)
        return self.result((*x.shape[:-1], self.units))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        features = inputs.one.shape[-1]
        weights = [self.weight("kernel", features, self.units, trainable=self.lora_rank is None)]
        if self.use_bias:
            weights.append(self.weight("bias", self.units))
        if self.lora_rank is not None:
            weights.append(self.weight("lora_kernel_a", features, self.lora_rank))
            weights.append(self.weight("lora_kernel_b", self.lora_rank, self.units))
        return tuple(weights)

    def multiply_adds(self, inputs: Inputs) -> Size:
        return product((*inputs.one.shape[1:], self.units))


def _features(x: Tensor) -> Size:
    return needs(x.shape[-1], "the last axis", "give the input's last size a number, or put a layer that fixes it "
                                               "(`Dense` and `Embedding` do) before")
