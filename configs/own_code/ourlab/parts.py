"""What our specs may use. A check imports this module, which loads no framework."""

from typing import ClassVar

import modelspec as ms


class Snake(ms.Layer):
    """`x + sin(a * x) ** 2 / a`, an activation for periodic functions, with a learned frequency `a`
    for each unit.

    ```yaml
    - Snake: {frequency: 5}
    ```

    Ziyin et al., 2020: https://arxiv.org/abs/2006.08195
    """

    frequency: float = 1.0
    """The frequency of every unit at the start, above 0."""

    def output(self, inputs):
        (one,) = inputs
        return one

    def weights(self, inputs):
        (one,) = inputs
        return [self.weight("frequency", one.shape[-1])]

    def cost(self, inputs):
        units = inputs[0].shape[-1]
        return 2 * units if isinstance(units, int) else None

    keras: ClassVar[str] = "ourlab.keras_parts:Snake"


class Pinball(ms.Loss):
    """The loss of a quantile: errors above the prediction weigh `q`, those below it `1 - q`.

    ```yaml
    loss: {Pinball: 0.9}
    ```

    Koenker and Bassett, 1978: https://www.jstor.org/stable/1913643
    """

    q: float = 0.5
    """The quantile, from 0 to 1: this share of the targets is at most the prediction."""

    takes = "numbers"
    at_least_0 = True
    keras: ClassVar[str] = "ourlab.keras_parts:Pinball"


class Coverage(ms.Metric):
    """The share of targets that are at most the prediction: with `Pinball`, about `q`.

    ```yaml
    metrics: [Coverage]
    ```
    """

    takes = "numbers"
    lies_in = (0.0, 1.0)
    keras: ClassVar[str] = "ourlab.keras_parts:Coverage"
