"""Fully connected layers of Keras 1: Highway, MaxoutDense."""

from collections.abc import Sequence
from typing import ClassVar

from modelspec.core.shapes import Size, Tensor, mul, product

from .common import features, need_number
from .layer import Example, Inputs, Layer, Weight, need_rank
from .saved import Saved
from .setting_types import Activation, Constraint, Count, Initializer, Regularizer


class Highway(Layer):
    """A fully connected layer with a learned gate that passes part of its input unchanged.

    ```yaml
    - Highway
    - Highway: {activation: relu, gate_bias_initializer: {Constant: -2.0}}
    ```

    Takes (batch, ..., features) and gives the same: `gate * activation(x @ kernel + bias) + (1 -
    gate) * x`, where `gate` is `sigmoid(x @ gate_kernel + gate_bias)`. A negative gate bias passes
    the input unchanged at first. From Srivastava et al., 2015, https://arxiv.org/abs/1505.00387.
    """

    takes = "floats"
    supports_masking = True
    keras_module: ClassVar[str] = "modelspec"

    activation: Activation | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    gate_bias_initializer: Initializer = "ones"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"use_bias": False, "activation": "relu"}, ((None, 4, 5),)),
    )

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return sparse[0].rank == 2

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=2)
        need_number(self, x)
        features(x)
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        size = inputs.one.shape[-1]
        kernels = (self.weight("kernel", size, size), self.weight("gate_kernel", size, size))
        return (
            (*kernels, self.weight("bias", size), self.weight("gate_bias", size))
            if self.use_bias
            else kernels
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        shape = inputs.one.shape
        return mul(product((*shape[1:], shape[-1])), 2)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=True, own=(made[0],) * 3)


class MaxoutDense(Layer):
    """The elementwise maximum of several linear layers: a learned piecewise linear convex function.

    ```yaml
    - MaxoutDense: {units: 32, pieces: 4}
    ```

    Takes (batch, ..., features), gives (batch, ..., units). From Goodfellow et al., 2013,
    https://arxiv.org/abs/1302.4389.
    """

    supports_masking = True
    keras_module: ClassVar[str] = "modelspec"

    units: Count
    pieces: Count = 4
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 3}, ((None, 5),)),
        Example({"units": 3, "pieces": 2, "use_bias": False}, ((None, 4, 5),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=2)
        need_number(self, x)
        features(x)
        return self.result((*x.shape[:-1], self.units))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        kernel = self.weight("kernel", self.pieces, inputs.one.shape[-1], self.units)
        return (
            (kernel, self.weight("bias", self.pieces, self.units)) if self.use_bias else (kernel,)
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        return product((*inputs.one.shape[1:], self.pieces, self.units))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = made[0]
        pieces = x._replace(shape=(*x.shape[:-1], self.pieces, x.shape[-1]))
        return Saved(for_weights=True, outputs=True, own=(pieces,))
