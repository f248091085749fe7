"""Maxout: the largest of several linear functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from .base import OF_WEIGHTS, OwnLayer, own_layer


@own_layer
class MaxoutDense(OwnLayer):
    """The largest of `pieces` linear functions at every unit; https://arxiv.org/abs/1302.4389."""

    kept = ("units", "pieces", *OF_WEIGHTS)

    def __init__(
        self,
        units: int,
        pieces: int = 4,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
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
            units=units,
            pieces=pieces,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Sequence[int]) -> None:
        self.kernel = self._weight("kernel", (self.pieces, input_shape[-1], self.units), "kernel")
        self.bias = (
            self._weight("bias", (self.pieces, self.units), "bias") if self.use_bias else None
        )

    def call(self, inputs: Any) -> Any:
        y = ops.tensordot(inputs, self.kernel, axes=[[-1], [1]])
        return ops.max(y if self.bias is None else ops.add(y, self.bias), axis=-2)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)
