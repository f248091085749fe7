"""The base of layers that keep the shape and have no weights."""

from modelspec.core.shapes import Tensor

from .common import need_number
from .layer import Inputs, Layer


class Elementwise(Layer):
    """Base of layers that keep the shape and have no weights."""

    keeps_dtype = True
    supports_masking = True

    def output(self, inputs: Inputs) -> Tensor:
        need_number(self, inputs.one)
        return self.result(inputs.one.shape)
