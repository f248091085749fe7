"""Adam and its kin: a rate for each weight, from running means of its gradient and of the
gradient's square.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from .optimizer import Gradient, LearningRate, Momenta, Outcome
from .setting_types import Decay, NonNegative, Positive, PositiveFraction, Whole


class Adam(Momenta):
    """Divides a running mean of the gradient by the root of that of its square.

    ```yaml
    optimizer: {Adam: {learning_rate: 0.001, clipnorm: 1.0}}
    ```

    Kingma and Ba, 2014: https://arxiv.org/abs/1412.6980
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails", "beta_2": "stops"}

    amsgrad: bool = False
    """Whether to divide by the largest mean so far: https://openreview.net/forum?id=ryQu7f-RZ"""


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
    """Whether to divide by the largest mean so far: https://openreview.net/forum?id=ryQu7f-RZ"""


class Adamax(Momenta):
    """Adam with the largest recent gradient in place of the mean square.

    ```yaml
    optimizer: {Adamax: 0.002}
    ```

    Kingma and Ba, 2014, section 7: https://arxiv.org/abs/1412.6980
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails"}


class Nadam(Momenta):
    """Adam with Nesterov's momentum.

    ```yaml
    optimizer: {Nadam: {learning_rate: 0.002}}
    ```

    Dozat, 2015: http://cs229.stanford.edu/proj2015/054_report.pdf
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_2": "fails"}


class Lamb(Momenta):
    """Adam with each weight's step scaled to the norm of the weight, for very large batches.

    ```yaml
    optimizer: {Lamb: {learning_rate: 0.005, weight_decay: 0.01}}
    ```

    You et al., 2019: https://arxiv.org/abs/1904.00962
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_1": "fails", "beta_2": "stops"}


class ScheduleFreeAdamW(Momenta):
    """AdamW on a mean of the weights so far, which takes the place of a learning rate schedule.

    ```yaml
    optimizer: {ScheduleFreeAdamW: {learning_rate: 0.0025, warmup_steps: 500}}
    ```

    Defazio et al., 2024: https://arxiv.org/abs/2405.15682
    """

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {"beta_2": "fails"}
    rounded_to_zero: ClassVar[Mapping[str, Outcome]] = {"epsilon": "fails"}

    learning_rate: LearningRate = 0.0025
    beta_1: PositiveFraction = 0.9
    """Where between the mean and the last weights the gradient is taken."""
    beta_2: Decay = 0.999
    epsilon: NonNegative = 1e-8
    warmup_steps: Whole = 0
    """Over how many steps the learning rate rises from 0."""


class Adafactor(Gradient):
    """Keeps means for the rows and columns of a matrix instead of every entry, for large models in
    little memory.

    ```yaml
    optimizer: {Adafactor: {learning_rate: 0.01, relative_step: false}}
    ```

    Shazeer and Stern, 2018: https://arxiv.org/abs/1804.04235
    """

    beta_2_decay: Annotated[float, Field(le=0)] = -0.8
    epsilon_1: NonNegative = 1e-30
    epsilon_2: NonNegative = 0.001
    clip_threshold: Positive = 1.0
    relative_step: bool = True
    """Whether the learning rate falls with the number of steps."""
