"""How a sweep chooses the values of its trials (`sweep.sampler`), and which trials it ends early
(`sweep.pruner`).
"""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.settings import refuse

from .setting_types import Component, Count, Positive, Whole

Reduction = Annotated[int, Field(ge=2)]


class Sampler(Component):
    """Chooses the values of each trial."""

    objectives: ClassVar[int] = 2
    """The most objectives that it optimizes."""
    numbers_only: ClassVar[bool] = False
    """Whether it searches ranges of numbers only; lists of values are then drawn at random."""


class grid(Sampler):  # noqa: N801  # named as a spec names it
    """Makes one trial of every combination of the values, in their order: the last parameter
    changes fastest.

    ```yaml
    sampler: grid
    ```

    A range of numbers other than integers requires a `step`. A parameter whose `when` does not hold
    adds no combinations. With `trials`, only the first combinations are used.
    """


class random(Sampler):  # noqa: N801  # named as a spec names it
    """Draws every value at random, independently of the results.

    ```yaml
    sampler: random
    ```
    """


class tpe(Sampler):  # noqa: N801  # named as a spec names it
    """The tree-structured Parzen estimator: draws values that are frequent among the best trials
    and rare among the others.

    ```yaml
    sampler: {tpe: {startup_trials: 20}}
    ```
    """

    startup_trials: Whole = 10
    """The number of trials with random values before the first estimate."""
    candidates: Count = 24
    """The number of values that are compared for each parameter of a trial."""
    multivariate: bool = False
    """Whether parameters are estimated together rather than one by one."""


class cmaes(Sampler):  # noqa: N801  # named as a spec names it
    """The covariance matrix adaptation evolution strategy, for ranges of numbers. Lists of values,
    and parameters with `when`, are drawn at random.

    ```yaml
    sampler: {cmaes: {sigma: 0.2}}
    ```

    Requires the package `cmaes`.
    """

    objectives: ClassVar[int] = 1
    numbers_only: ClassVar[bool] = True

    startup_trials: Whole = 1
    """The number of trials with random values at the start."""
    sigma: Positive | None = None
    """The initial standard deviation, for ranges that are scaled to 0 to 1; by default 1/6."""
    population: Count | None = None
    """The number of trials of a generation; by default it follows from the number of parameters."""


class nsga2(Sampler):  # noqa: N801  # named as a spec names it
    """The genetic algorithm NSGA-II, for two objectives: combines the values of the best trials.

    ```yaml
    sampler: {nsga2: {population: 20}}
    ```
    """

    population: Count = 50
    """The number of trials of a generation."""


class Pruner(Component):
    """Ends trials whose values during training are worse than those of others."""

    min_epochs: Count = 1
    """The number of epochs that every trial is trained."""


class median(Pruner):  # noqa: N801  # named as a spec names it
    """Ends a trial whose best value so far is worse than the median of the earlier trials at the
    same epoch.

    ```yaml
    pruner: {median: {startup_trials: 5, min_epochs: 3}}
    ```
    """

    startup_trials: Whole = 5
    """The number of complete trials before the first one is ended early."""


class asha(Pruner):  # noqa: N801  # named as a spec names it
    """Asynchronous successive halving: after `min_epochs`, and after every `reduction` times as
    many epochs, only the best of `reduction` trials continues.

    ```yaml
    pruner: {asha: {min_epochs: 2, reduction: 3}}
    ```
    """

    reduction: Reduction = 4
    """One of this number of trials continues."""


class hyperband(Pruner):  # noqa: N801  # named as a spec names it
    """Successive halving with several values of `min_epochs` side by side.

    ```yaml
    pruner: {hyperband: {min_epochs: 2, reduction: 3}}
    ```
    """

    max_epochs: Count | None = None
    """The number of epochs of a whole trial; by default `training.epochs`."""
    reduction: Reduction = 3
    """One of this number of trials continues."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_epochs is not None and self.max_epochs < self.min_epochs:
            refuse(
                f"`max_epochs` must be at least `min_epochs`, {self.min_epochs}, found"
                f" {self.max_epochs}",
                "MS205",
                "max_epochs",
            )
        return self
