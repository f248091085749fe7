"""Layers that scale their input: LayerScale."""

from typing import ClassVar

from modelspec.core.shapes import Tensor

from .common import features, need_number
from .layer import Example, Inputs, Layer, Weight, need_rank
from .setting_types import Number


class LayerScale(Layer):
    """Multiplies each channel by a learned factor with a small initial value.

    ```yaml
    - LayerScale
    - LayerScale: 0.1
    ```

    Takes (batch, ..., features) and gives the same: `x * gamma`. At the end of a residual block it
    makes the block nearly an identity at the start of training. From Touvron et al., 2021,
    https://arxiv.org/abs/2103.17239.
    """

    takes = "numbers"
    supports_masking = True
    keras_module: ClassVar[str] = "modelspec"

    init_values: Number = 1e-6
    """The initial value of all elements of `gamma`."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"init_values": 0.1}, ((None, 4, None, 3),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, at_least=2)
        need_number(self, x)
        features(x)
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return (self.weight("gamma", inputs.one.shape[-1]),)
