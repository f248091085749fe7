"""A learned scale factor for every channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import initializers, ops

from .base import OwnLayer, own_layer


@own_layer
class LayerScale(OwnLayer):
    """`x * gamma`, with one number for every entry of the last axis;
    https://arxiv.org/abs/2103.17239.
    """

    kept = ("init_values",)

    def __init__(self, init_values: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self._keep(init_values=init_values)

    def build(self, input_shape: Sequence[int]) -> None:
        start = initializers.Constant(self.init_values)
        self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],), initializer=start)

    def call(self, inputs: Any) -> Any:
        return ops.multiply(inputs, self.gamma)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        return input_shape
