"""Optimizers that follow the gradient with a rate for each weight or one for all: SGD, RMSprop,
Lion, Muon...
"""

from typing import Annotated

from pydantic import Field

from modelspec.core.shapes import Tensor

from .optimizer import Gradient, LearningRate, Pattern
from .setting_types import Count, Decay, Fraction, NonNegative, Positive, PositiveFraction


class SGD(Gradient):
    """Steps against the gradient, with momentum where one is set.

    ```yaml
    optimizer: {SGD: {learning_rate: 0.1, momentum: 0.9, nesterov: true}}
    ```
    """

    learning_rate: LearningRate = 0.01
    momentum: Fraction = 0.0
    nesterov: bool = False
    """Whether the gradient counts as if the momentum had been applied already."""


class RMSprop(Gradient):
    """Divides the gradient by the root of a running mean of its square; the default of Keras.

    ```yaml
    optimizer: {RMSprop: {learning_rate: 0.0005, rho: 0.95}}
    ```

    Hinton, 2012: http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf
    """

    rho: Decay = 0.9
    """How much of the running mean each step keeps."""
    momentum: Fraction = 0.0
    epsilon: NonNegative = 1e-7
    centered: bool = False
    """Whether to divide by the estimated variance of the gradient rather than by its mean
    square.
    """


class Adagrad(Gradient):
    """Divides the gradient by the root of the sum of all its squares so far.

    ```yaml
    optimizer: {Adagrad: 0.05}
    ```

    Duchi et al., 2011: https://jmlr.org/papers/v12/duchi11a.html
    """

    initial_accumulator_value: NonNegative = 0.1
    epsilon: NonNegative = 1e-7


class Adadelta(Gradient):
    """Like Adagrad with running means in place of sums, so that the steps do not shrink to nothing.

    ```yaml
    optimizer: {Adadelta: {learning_rate: 1.0}}
    ```

    Zeiler, 2012: https://arxiv.org/abs/1212.5701
    """

    rho: Decay = 0.95
    """How much of the running means each step keeps."""
    epsilon: NonNegative = 1e-7


class Ftrl(Gradient):
    """Follow the regularized leader: for sparse linear models with many features.

    ```yaml
    optimizer: {Ftrl: {learning_rate: 0.05, l1_regularization_strength: 0.001}}
    ```

    McMahan et al., 2013: https://research.google.com/pubs/archive/41159.pdf
    """

    learning_rate_power: Annotated[float, Field(le=0)] = -0.5
    initial_accumulator_value: NonNegative = 0.1
    l1_regularization_strength: NonNegative = 0.0
    l2_regularization_strength: NonNegative = 0.0
    l2_shrinkage_regularization_strength: NonNegative = 0.0
    beta: NonNegative = 0.0


class Lion(Gradient):
    """Steps of one size in the direction of the sign of the momentum; wants a lower rate than Adam.

    ```yaml
    optimizer: {Lion: {learning_rate: 0.0001, weight_decay: 0.01}}
    ```

    Chen et al., 2023: https://arxiv.org/abs/2302.06675
    """

    beta_1: PositiveFraction = 0.9
    beta_2: Fraction = 0.99


class Muon(Gradient):
    """Momentum whose matrix updates are made orthogonal; every weight that is no matrix is trained
    by AdamW.

    ```yaml
    optimizer: {Muon: {learning_rate: 0.02, exclude_layers: [classifier]}}
    ```

    Jordan: https://github.com/KellerJordan/Muon; Liu et al., 2025: https://arxiv.org/abs/2502.16982
    """

    adam_beta_1: Decay = 0.9
    adam_beta_2: Decay = 0.999
    adam_weight_decay: NonNegative | None = 0.004
    epsilon: NonNegative = 1e-7
    weight_decay: NonNegative | None = 0.004
    exclude_layers: tuple[Pattern, ...] | None = None
    """Regular expressions: weights whose path holds one are trained by AdamW."""
    exclude_embeddings: bool = True
    muon_a: float = 3.4445
    muon_b: float = -4.775
    muon_c: float = 2.0315
    adam_lr_ratio: Positive = 1
    """The learning rate of AdamW, as a multiple of this one."""
    momentum: Decay = 0.95
    ns_steps: Count = 5
    """How many iterations make the update orthogonal."""
    nesterov: bool = True
    rms_rate: Positive | None = 0.2

    def misfit(self, weight: Tensor) -> str | None:
        """Keras measures the update of a matrix in float32."""
        if weight.dtype != "float64" or weight.rank != 2 or self.exclude_layers:
            return None
        return "computes the update of a matrix in float32"
