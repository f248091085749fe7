"""Highway networks: a dense layer with a gate that bypasses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import initializers, ops

from .base import OF_WEIGHTS, OwnLayer, own_layer


@own_layer
class Highway(OwnLayer):
    """`gate * activation(x @ kernel + bias) + (1 - gate) * x`; https://arxiv.org/abs/1505.00387."""

    kept = ("activation", "gate_bias_initializer", *OF_WEIGHTS)

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        gate_bias_initializer: Any = "ones",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self._keep(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            gate_bias_initializer=gate_bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Sequence[int]) -> None:
        size = input_shape[-1]
        self.kernel = self._weight("kernel", (size, size), "kernel")
        # As in Keras 1, the gate is neither regularized nor constrained.
        self.gate_kernel = self.add_weight(
            name="gate_kernel",
            shape=(size, size),
            initializer=initializers.get(_again(self.kernel_initializer)),
        )
        self.bias = self._weight("bias", (size,), "bias") if self.use_bias else None
        self.gate_bias = self._weight("gate_bias", (size,), "gate_bias") if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        y, gate = ops.matmul(inputs, self.kernel), ops.matmul(inputs, self.gate_kernel)
        if self.use_bias:
            y, gate = ops.add(y, self.bias), ops.add(gate, self.gate_bias)
        y = self.activation(y) if self.activation is not None else y
        gate = ops.sigmoid(gate)
        return ops.add(gate * y, ops.multiply(1 - gate, inputs))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        return input_shape


def _again(initializer: Any) -> Any:
    """Another initializer of the same kind: the same seed would give equal numbers twice."""
    clone = getattr(initializer, "clone", None)
    return clone() if clone is not None else initializer
