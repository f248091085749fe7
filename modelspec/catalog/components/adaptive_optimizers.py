"""Adam and its variants: a step size for each weight, from running means of its gradient and
squared gradient.
"""

from collections.abc import Mapping
from typing import ClassVar

from modelspec.core.shapes import Tensor

from .optimizer import Momenta, Outcome
from .setting_types import NonNegative


class Adam(Momenta):
    """Divides a running mean of the gradient by the square root of a running mean of its square.

    ```yaml
    optimizer: {Adam: {learning_rate: 0.001, clipnorm: 1.0}}
    ```

    Kingma and Ba, 2014: https://arxiv.org/abs/1412.6980
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails", "beta_2": "stops"}

    amsgrad: bool = False
    """Whether to use AMSGrad, which divides by the largest running mean so far:
    https://openreview.net/forum?id=ryQu7f-RZ.
    """

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        return (weight,) * (self.means + int(self.amsgrad))


class AdamW(Momenta):
    """Adam with weight decay that is not scaled by the running means.

    ```yaml
    optimizer: {AdamW: {learning_rate: 0.0003, weight_decay: 0.05}}
    ```

    Loshchilov and Hutter, 2019: https://arxiv.org/abs/1711.05101
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails", "beta_2": "stops"}

    weight_decay: NonNegative = 0.004
    amsgrad: bool = False
    """Whether to use AMSGrad, which divides by the largest running mean so far:
    https://openreview.net/forum?id=ryQu7f-RZ.
    """

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        return (weight,) * (self.means + int(self.amsgrad))
