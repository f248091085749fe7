"""Random initializers that do not depend on the size of a weight."""

from typing import Self

from pydantic import model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Tensor, show

from .initializers import Seeded
from .setting_types import NonNegative


class RandomNormal(Seeded):
    """Draws from a normal distribution.

    ```yaml
    kernel_initializer: {RandomNormal: {stddev: 0.01}}
    ```
    """

    mean: float = 0.0
    stddev: NonNegative = 0.05


class TruncatedNormal(Seeded):
    """Draws from a normal distribution, and redraws values more than two standard deviations from
    the mean.

    ```yaml
    kernel_initializer: {TruncatedNormal: {stddev: 0.02}}
    ```
    """

    mean: float = 0.0
    stddev: NonNegative = 0.05


class RandomUniform(Seeded):
    """Draws from a uniform distribution between two numbers.

    ```yaml
    embeddings_initializer: {RandomUniform: {minval: -0.1, maxval: 0.1}}
    ```
    """

    minval: float = -0.05
    maxval: float = 0.05

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minval > self.maxval:
            refuse(
                f"minval {self.minval} is above maxval {self.maxval}",
                "MS208",
                "minval",
                help="swap the two",
            )
        return self


class Orthogonal(Seeded):
    """A random matrix with orthogonal rows or columns; for weights with at least two axes.

    ```yaml
    recurrent_initializer: {Orthogonal: {gain: 1.4}}
    ```

    Saxe et al., 2014: https://openreview.net/forum?id=_wzZwKpTDF_9C
    """

    gain: float = 1.0

    def misfit(self, weight: Tensor) -> str | None:
        if weight.rank < 2:
            return f"creates a weight with at least two axes, found {show(weight.shape)}"
        # TensorFlow has no matrix decomposition for it.
        return "cannot be computed in bfloat16" if weight.dtype == "bfloat16" else None
