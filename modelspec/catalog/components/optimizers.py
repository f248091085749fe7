"""Gradient descent optimizers: SGD, RMSprop, Lion, Muon..."""

import re
from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.shapes import Tensor

from .optimizer import Gradient, LearningRate, Pattern
from .setting_types import Count, Decay, Fraction, NonNegative, Positive, PositiveFraction


class SGD(Gradient):
    """Stochastic gradient descent, optionally with momentum.

    ```yaml
    optimizer: {SGD: {learning_rate: 0.1, momentum: 0.9, nesterov: true}}
    ```
    """

    learning_rate: LearningRate = 0.01
    momentum: Fraction = 0.0
    nesterov: bool = False
    """Whether to use Nesterov momentum."""

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        return (weight,) * int(self.momentum > 0)


class RMSprop(Gradient):
    """Divides the gradient by the root of a running mean of its square; Keras's default optimizer.

    ```yaml
    optimizer: {RMSprop: {learning_rate: 0.0005, rho: 0.95}}
    ```

    Hinton, 2012: http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf
    """

    added_to_divisor = "epsilon"

    rho: Decay = 0.9
    """The fraction of the running mean of the squared gradient that each step keeps, from 0 to 1.
    """
    momentum: Fraction = 0.0
    epsilon: NonNegative = 1e-7
    centered: bool = False
    """Whether to divide by the estimated variance of the gradient rather than its mean square;
    slower.
    """

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        return (weight,) * (1 + int(self.momentum > 0) + int(self.centered))


class Adagrad(Gradient):
    """Divides the gradient by the root of the sum of all previous squared gradients.

    ```yaml
    optimizer: {Adagrad: 0.05}
    ```

    Duchi et al., 2011: https://jmlr.org/papers/v12/duchi11a.html
    """

    means: ClassVar[int] = 1

    initial_accumulator_value: NonNegative = 0.1
    epsilon: NonNegative = 1e-7

    def divides_by(self, path: str, weight: Tensor) -> str | None:
        return None if self.initial_accumulator_value else "epsilon"


class Adadelta(Gradient):
    """Adagrad with running means in place of sums, so that the steps do not vanish.

    ```yaml
    optimizer: {Adadelta: {learning_rate: 1.0}}
    ```

    Zeiler, 2012: https://arxiv.org/abs/1212.5701
    """

    added_to_divisor = "epsilon"
    means: ClassVar[int] = 2

    rho: Decay = 0.95
    """The fraction of the running means that each step keeps, from 0 to 1."""
    epsilon: NonNegative = 1e-7


class Ftrl(Gradient):
    """Follow the regularized leader: for sparse linear models with many features.

    ```yaml
    optimizer: {Ftrl: {learning_rate: 0.05, l1_regularization_strength: 0.001}}
    ```

    McMahan et al., 2013: https://research.google.com/pubs/archive/41159.pdf
    """

    means: ClassVar[int] = 2

    learning_rate_power: Annotated[float, Field(le=0)] = -0.5
    initial_accumulator_value: NonNegative = 0.1
    l1_regularization_strength: NonNegative = 0.0
    l2_regularization_strength: NonNegative = 0.0
    l2_shrinkage_regularization_strength: NonNegative = 0.0
    beta: NonNegative = 0.0


class Lion(Gradient):
    """Takes steps of equal size in the direction of the sign of the momentum; requires a lower
    learning rate than Adam.

    ```yaml
    optimizer: {Lion: {learning_rate: 0.0001, weight_decay: 0.01}}
    ```

    Chen et al., 2023: https://arxiv.org/abs/2302.06675
    """

    means: ClassVar[int] = 1

    beta_1: PositiveFraction = 0.9
    beta_2: Fraction = 0.99


_LARGEST_SINGULAR_VALUE = 100.0
"""Of an update of Muon, which should be near 1; a larger one grows with every iteration."""
_MOST_ITERATIONS = 100


class Muon(Gradient):
    """Momentum with orthogonalized updates of matrices; AdamW trains all other weights.

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
    """Regular expressions; weights whose path matches one are trained by AdamW."""
    exclude_embeddings: bool = True
    muon_a: float = 3.4445
    muon_b: float = -4.775
    muon_c: float = 2.0315
    adam_lr_ratio: Positive = 1
    """The learning rate of AdamW as a multiple of `learning_rate`; best left at 1."""
    momentum: Decay = 0.95
    ns_steps: Count = 5
    """The number of Newton-Schulz iterations, which make the update orthogonal."""
    nesterov: bool = True
    rms_rate: Positive | None = 0.2

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        return (weight,) * (2 if self._trains_by_adamw(path, weight) else 1)

    def _trains_by_adamw(self, path: str, weight: Tensor) -> bool:
        if weight.rank != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(one, path) for one in self.exclude_layers or ())

    def divides_by(self, path: str, weight: Tensor) -> str | None:
        return "epsilon" if self._trains_by_adamw(path, weight) else None

    def diverges(self, path: str, weight: Tensor) -> bool:
        """Each iteration changes every singular value separately. The largest one is 1 for a matrix
        of one row or column, and begins below it for others.
        """
        value = 1.0
        for _ in range(min(self.ns_steps, _MOST_ITERATIONS)):
            value *= self.muon_a + self.muon_b * value**2 + self.muon_c * value**4
            if abs(value) > _LARGEST_SINGULAR_VALUE:
                return not self._trains_by_adamw(path, weight)
        return False

    def misfit(self, path: str, weight: Tensor) -> str | None:
        """Keras multiplies the update of a matrix by the value of a schedule, which is float32, and
        for `rms_rate` by a size of at most float32.
        """
        if weight.dtype == "float32" or self._trains_by_adamw(path, weight):
            return None
        sized = weight.dtype == "float64" and self.rms_rate is not None
        if not sized and isinstance(self.learning_rate, float):
            return None
        return "computes the update of a matrix in float32"
