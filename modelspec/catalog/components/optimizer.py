"""Settings of all optimizers: learning rate, weight decay, clipping, averaging and loss scale."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import nearest
from modelspec.core.dtypes import rounded
from modelspec.core.registry import Registry
from modelspec.core.settings import Settings, Unfit, refuse
from modelspec.core.shapes import Tensor

from . import SCHEDULES
from .family import Reader
from .setting_types import Component, Count, Decay, Fraction, Name, NonNegative, Positive, is_number


def _learning_rate(value: Any, info: ValidationInfo) -> float | Settings | str:
    if is_number(value):
        if value < 0:
            raise Unfit("at least 0", code="MS205")
        return float(value)
    if isinstance(value, str) and _is_number_text(value):
        raise Unfit(
            "a number or a schedule",
            help=f"write `{value.strip()}` without quotes",
            suggestion=value.strip(),
        )
    if isinstance(value, str) and value not in SCHEDULES and not nearest(value, SCHEDULES.names()):
        raise Unfit(
            "a number or a schedule"
        )  # a word that is not a schedule: a number was intended
    if isinstance(value, (str, dict, Settings)) and value:
        return _read_schedule(value, info)
    raise Unfit("a number or a schedule")


_read_schedule = Reader(SCHEDULES, built=True)


def _is_number_text(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


LearningRate = Annotated[
    Any, PlainValidator(_learning_rate, json_schema_input_type=NonNegative | str | dict[str, Any])
]
"""The learning rate: a number of at least 0, or a schedule in any of its forms."""


Outcome: TypeAlias = Literal["stops", "fails"]
"""The effect of rounding on training: weights do not change, or become non-finite."""


class Optimizer(Component):
    """An optimizer: how gradients update the weights."""

    keras_module: ClassVar[str] = "optimizers"
    scales_gradients: ClassVar[bool] = False
    """Whether it passes gradients to its inner optimizers in at least float32."""

    @property
    def gradients(self) -> "tuple[Gradient, ...]":
        """The optimizers that update weights: itself, or its inner optimizers."""
        return ()

    @property
    def by_path(self) -> Any:
        """The map of optimizers by the paths of weights; None for an optimizer that trains all
        weights.
        """
        return None

    @property
    def keeps_averages(self) -> bool:
        """Whether it keeps running means of weights."""
        return any(one.use_ema for one in self.gradients)


class Gradient(Optimizer):
    """An optimizer without inner optimizers."""

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {}
    """Settings below 1, and the effect if the dtype of the weights rounds them to 1."""
    rounded_to_zero: ClassVar[Mapping[str, Outcome]] = {}
    """Settings above 0, and the effect if the dtype of the weights rounds them to 0."""

    added_to_divisor: ClassVar[str | None] = None
    """The setting that is added to the divisor, which is 0 before the first gradient."""

    learning_rate: LearningRate = 0.001
    weight_decay: NonNegative | None = None
    """The fraction of each weight, times the learning rate, that each step subtracts; `null`
    subtracts none.
    """
    clipnorm: Positive | None = None
    """The largest norm of each weight's gradient; `null` does not clip it."""
    clipvalue: Positive | None = None
    """The largest absolute value in a gradient; `null` does not clip it."""
    global_clipnorm: Positive | None = None
    """The largest norm of all gradients together; `null` does not clip it."""
    use_ema: bool = False
    """Whether to keep an exponential moving average of the weights, for `SwapEMAWeights` or to
    overwrite the weights.
    """
    ema_momentum: Fraction = 0.99
    ema_overwrite_frequency: Count | None = None
    """The number of steps after which the moving averages overwrite the weights; `null` overwrites
    them once, at the end of training.
    """
    loss_scale_factor: Positive | None = None
    """The factor of the loss, by which gradients are divided again, so that small gradients are not
    rounded to 0 in float16; `null` does not scale.
    """
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None
    """The number of steps over which gradients are averaged before the weights are updated; `null`
    updates at each step.
    """
    name: Name = None

    @property
    def gradients(self) -> "tuple[Gradient, ...]":
        return (self,)

    def misfit(self, path: str, weight: Tensor) -> str | None:
        """The reason why it cannot train a weight of this path and type, as the end of a sentence;
        None if it can.
        """
        return None

    @property
    def misfit_if_scaled(self) -> str | None:
        """The reason why it cannot train weights in half precision if the loss is scaled, which
        gives gradients in float32: accumulated gradients have the dtype of the weights.
        """
        if self.gradient_accumulation_steps is None:
            return None
        return "accumulates float32 gradients of the scaled loss in the dtype of the weights"

    means: ClassVar[int] = 0
    """The number of running means or sums that it keeps of each weight's gradient with default
    settings; each has the type of the weight.
    """

    def slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        """The state that it keeps between steps for a weight of this path and type."""
        averages = int(self.use_ema) + int(self.gradient_accumulation_steps is not None)
        return (*self.own_slots(path, weight), *(weight,) * averages)

    def own_slots(self, path: str, weight: Tensor) -> tuple[Tensor, ...]:
        """The part of the state specific to this optimizer, without the average of the weight and
        the sum of its gradients, which any optimizer may have.
        """
        return (weight,) * self.means

    def divides_by(self, path: str, weight: Tensor) -> str | None:
        """The setting that prevents 0 / 0 for a weight that never had a gradient; None if there is
        none.
        """
        return self.added_to_divisor

    def zero_by_zero(self, path: str, weight: Tensor) -> str | None:
        """The setting with which it divides 0 by 0, in the dtype of the weight, for a weight that
        never had a gradient; None if it does not.
        """
        setting = self.divides_by(path, weight)
        if setting is None or rounded(getattr(self, setting), weight.dtype) != 0:
            return None
        return setting

    def diverges(self, path: str, weight: Tensor) -> bool:
        """Whether the iteration that computes the update of this weight diverges with these
        settings.
        """
        return False

    @property
    def settled(self) -> tuple[int, float] | None:
        """The step from which the learning rate is constant, and that rate; None for none."""
        if isinstance(self.learning_rate, float):
            return 0, self.learning_rate
        found: tuple[int, float] | None = getattr(self.learning_rate, "settled", None)
        return found

    @classmethod
    def primary_family(cls) -> Registry | None:
        return SCHEDULES

    @model_validator(mode="after")
    def _clips_once(self) -> Self:
        given = [
            name
            for name in ("clipnorm", "clipvalue", "global_clipnorm")
            if getattr(self, name) is not None
        ]
        if len(given) > 1:
            refuse(
                "only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set, found "
                f"{' and '.join(f'`{name}`' for name in given)}",
                "MS208",
                given[1],
                help=f"remove `{given[1]}`",
            )
        return self


class Momenta(Gradient):
    """Base of Adam and its variants: running means of the gradient and of its square."""

    added_to_divisor = "epsilon"
    means: ClassVar[int] = 2

    beta_1: Decay = 0.9
    """The fraction of the running mean of the gradient that each step keeps, from 0 to 1."""
    beta_2: Decay = 0.999
    """The fraction of the running mean of the squared gradient that each step keeps, from 0 to 1.
    """
    epsilon: NonNegative = 1e-7
    """A small number added to the denominator, which prevents division by zero."""


def pattern(value: Any) -> str:
    """A regular expression as a string. Raises `Unfit` for an invalid one."""
    if not isinstance(value, str) or not value:
        raise Unfit("a string")
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unfit("a regular expression", code="MS205", help=f"invalid syntax: {error}") from None
    return value


Pattern = Annotated[str, PlainValidator(pattern, json_schema_input_type=str)]
"""A regular expression for the paths of variables: `embedding/.*`."""
