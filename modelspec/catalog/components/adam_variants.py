"""Variants of Adam, and Adafactor."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.dtypes import rounded
from modelspec.core.shapes import Tensor

from .optimizer import Gradient, LearningRate, Momenta, Outcome
from .setting_types import Decay, NonNegative, Positive, PositiveFraction, Whole


class Adamax(Momenta):
    """Adam with the infinity norm: the largest recent gradient in place of the mean square.

    ```yaml
    optimizer: {Adamax: 0.002}
    ```

    Kingma and Ba, 2014, section 7: https://arxiv.org/abs/1412.6980
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails"}

    def zero_by_zero(self, path: str, weight: Tensor) -> str | None:
        """The divisor is a product, which may be too small for the dtype."""
        factor = 1 - rounded(self.beta_1, weight.dtype)
        if rounded(factor * rounded(self.epsilon, weight.dtype), weight.dtype) == 0:
            return "epsilon"
        return None


class Nadam(Momenta):
    """Adam with Nesterov's momentum.

    ```yaml
    optimizer: {Nadam: {learning_rate: 0.002}}
    ```

    Dozat, 2015: http://cs229.stanford.edu/proj2015/054_report.pdf
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_2": "fails"}


class Lamb(Momenta):
    """Adam with the step of each weight scaled to the norm of the weight, for very large batches.

    ```yaml
    optimizer: {Lamb: {learning_rate: 0.005, weight_decay: 0.01}}
    ```

    You et al., 2019: https://arxiv.org/abs/1904.00962
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails", "beta_2": "stops"}

    def zero_by_zero(self, path: str, weight: Tensor) -> str | None:
        """The running mean of the square is divided by what `beta_2` leaves of 1."""
        found = super().zero_by_zero(path, weight)
        return found or ("beta_2" if rounded(self.beta_2, weight.dtype) == 1 else None)


class ScheduleFreeAdamW(Momenta):
    """AdamW with averaged weights in place of a learning rate schedule.

    ```yaml
    optimizer: {ScheduleFreeAdamW: {learning_rate: 0.0025, warmup_steps: 500}}
    ```

    Defazio et al., 2024: https://arxiv.org/abs/2405.15682
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_2": "fails"}
    rounded_to_zero: ClassVar[Mapping[str, Outcome]] = {"epsilon": "fails"}

    learning_rate: LearningRate = 0.0025
    beta_1: PositiveFraction = 0.9
    """The point where gradients are computed: between the last weights (0) and the averaged weights
    (1).
    """
    beta_2: Decay = 0.999
    epsilon: NonNegative = 1e-8
    warmup_steps: Whole = 0
    """The number of steps over which the learning rate rises linearly from 0; 0 has no warmup."""


class Adafactor(Gradient):
    """Stores squared-gradient means per row and column of a matrix instead of per element, to save
    memory for large models.

    ```yaml
    optimizer: {Adafactor: {learning_rate: 0.01, relative_step: false}}
    ```

    Shazeer and Stern, 2018: https://arxiv.org/abs/1804.04235
    """

    added_to_divisor = "epsilon_1"

    beta_2_decay: Annotated[float, Field(le=0)] = -0.8
    epsilon_1: NonNegative = 1e-30
    epsilon_2: NonNegative = 0.001
    clip_threshold: Positive = 1.0
    relative_step: bool = True
    """Whether a constant learning rate is at most `1 / sqrt(step)`; a schedule is used unchanged.
    """

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        """Keras also creates a mean for every element, which it never uses for matrices."""
        if weight.rank < 2:
            return (weight,)
        rows, columns = weight.shape[:-1], (*weight.shape[:-2], weight.shape[-1])
        return (weight, weight._replace(shape=rows), weight._replace(shape=columns))
