"""What optimizers share: the learning rate, weight decay, clipping, averaging and the scale of the
loss.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import nearest
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
        raise Unfit("a number or a schedule")  # a word that is no schedule's: a number was meant
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
    Any, PlainValidator(_learning_rate, json_schema_input_type=float | str | dict[str, Any])
]
"""How far one step goes: a number of at least 0, or a schedule in any of its written forms."""


Outcome: TypeAlias = Literal["stops", "fails"]
"""What rounding makes of a training: no weight changes, or weights become no finite numbers."""


class Optimizer(Component):
    """How the gradients change the weights."""

    keras_module: ClassVar[str] = "optimizers"
    scales_gradients: ClassVar[bool] = False
    """Whether gradients come to the optimizers that it holds in float32 at least."""

    @property
    def gradients(self) -> "tuple[Gradient, ...]":
        """The optimizers that change weights: itself, or those that it holds."""
        return ()

    def misfit(self, weight: Tensor) -> str | None:
        """Why it cannot change a weight of this type, as the end of a sentence; None where it
        can.
        """
        return None

    @property
    def by_path(self) -> Any:
        """The map of optimizers by the paths of weights; None for one that trains all of them."""
        return None

    @property
    def keeps_averages(self) -> bool:
        """Whether it keeps running means of weights."""
        return any(one.use_ema for one in self.gradients)


class Gradient(Optimizer):
    """An optimizer of its own, rather than one that holds others."""

    rounded_to_one: ClassVar[Mapping[str, Outcome]] = {}
    """Settings below 1, by what follows where the dtype of the weights rounds them to 1."""
    rounded_to_zero: ClassVar[Mapping[str, Outcome]] = {}
    """Settings above 0, by what follows where the dtype of the weights rounds them to 0."""

    learning_rate: LearningRate = 0.001
    weight_decay: NonNegative | None = None
    """What fraction of every weight, times the learning rate, each step takes off."""
    clipnorm: Positive | None = None
    """The largest norm of each weight's gradient."""
    clipvalue: Positive | None = None
    """The largest absolute value in a gradient."""
    global_clipnorm: Positive | None = None
    """The largest norm of all gradients together."""
    use_ema: bool = False
    """Whether to keep a running mean of every weight, for `SwapEMAWeights` or to take its place."""
    ema_momentum: Fraction = 0.99
    ema_overwrite_frequency: Count | None = None
    """After how many steps the running means take the weights' place; `null`: at the end."""
    loss_scale_factor: Positive | None = None
    """What the loss is multiplied by, and the gradients divided by, to keep small numbers in
    float16.
    """
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None
    """How many steps' gradients are averaged before the weights change."""
    name: Name = None

    @property
    def gradients(self) -> "tuple[Gradient, ...]":
        return (self,)

    @property
    def settled(self) -> tuple[int, float] | None:
        """The step from which the learning rate stays the same, and that rate; None where it never
        does.
        """
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
    """What Adam and its kin share: running means of the gradient and of its square."""

    beta_1: Decay = 0.9
    """How much of the gradient's running mean each step keeps."""
    beta_2: Decay = 0.999
    """How much of the running mean of the gradient's square each step keeps."""
    epsilon: NonNegative = 1e-7
    """Added to what is divided by."""


def pattern(value: Any) -> str:
    """The text of a regular expression; `Unfit` where it is none."""
    if not isinstance(value, str) or not value:
        raise Unfit("a text")
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unfit(
            "a regular expression", code="MS205", help=f"it cannot be read: {error}"
        ) from None
    return value


Pattern = Annotated[str, PlainValidator(pattern, json_schema_input_type=str)]
"""A regular expression for the paths of variables: `embedding/.*`."""
