"""Learning rates that rise in a warm-up and then fall to the end of the training."""

import re
from math import ceil
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.settings import Unfit, is_int, refuse

from .schedules import Schedule
from .setting_types import Count, Name, NonNegative, Whole

_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?) *(steps?|epochs?|%)")
_EXPECTED: Final = "a number of steps or epochs, or a share of the steps: `1000`, `2 epochs`, `10%`"


class Length(NamedTuple):
    """A number of steps, of epochs, or a percentage of all steps; one of them is not None."""

    steps: int | None = None
    epochs: float | None = None
    percent: float | None = None

    def in_steps(self, of_epoch: int | None, every: int | None) -> int | None:
        """The number of steps, for the steps of an epoch and of the schedule; None if the required
        one is not known.
        """
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return None if of_epoch is None else round(self.epochs * of_epoch)
        assert self.percent is not None
        return None if every is None else ceil(round(self.percent * every / 100, 6))


def length(value: int | str) -> Length:
    """The length of a part of a schedule, as it is written in a spec."""
    if isinstance(value, int):
        return Length(steps=value)
    match = _LENGTH.fullmatch(value.strip())
    assert match is not None
    number, unit = float(match[1]), match[2]
    if unit == "%":
        return Length(percent=number)
    return Length(epochs=number) if unit.startswith("epoch") else Length(steps=int(number))


def _read_length(value: Any, least: int) -> int | str:
    if is_int(value):
        if value < least:
            raise Unfit(f"{_EXPECTED}, at least {least}", code="MS205")
        return int(value)
    if not isinstance(value, str):
        share = isinstance(value, float) and 0 < value < 1
        raise Unfit(_EXPECTED, help=f"write `{value * 100:g}%`" if share else None)
    match = _LENGTH.fullmatch(value.strip())
    if match is None or (match[2].startswith("step") and "." in match[1]):
        raise Unfit(_EXPECTED, code="MS205")
    number = float(match[1])
    if number < least or (match[2] == "%" and number > 100):
        raise Unfit(_EXPECTED, code="MS205")
    return value.strip()


def _warmup(value: Any) -> int | str:
    found = _read_length(value, 0)
    if length(found).percent == 100:
        raise Unfit("less than `100%`, which leaves no step after the warm-up", code="MS205")
    return found


def _all_steps(value: Any) -> int | str | None:
    if value is None:
        return None
    found = _read_length(value, 1)
    if length(found).percent is not None:
        raise Unfit(
            "a number of steps or epochs: `10000`, `5 epochs`",
            code="MS205",
            help="remove `steps`: the schedule then has the steps of the training",
        )
    return found


class Warmup(Schedule):
    """A learning rate that rises in a straight line, and then falls to `end_learning_rate`."""

    keras_module: ClassVar[str] = "modelspec"
    falls: ClassVar[str] = "linear"
    """The curve after the warm-up: `linear` or `cosine`."""

    learning_rate: NonNegative
    """The highest learning rate, at the end of the warm-up."""
    warmup: Annotated[int | str, PlainValidator(_warmup, json_schema_input_type=Whole | str)]
    """The length of the warm-up: steps (`1000`), epochs (`2 epochs`), or a share of `steps`
    (`10%`).
    """
    steps: Annotated[
        int | str | None, PlainValidator(_all_steps, json_schema_input_type=Count | str | None)
    ] = None
    """The steps or epochs of the whole schedule, with the warm-up; `null` is all of the
    training.
    """
    initial_learning_rate: NonNegative = 0.0
    """The learning rate of the first step."""
    end_learning_rate: NonNegative = 0.0
    """The learning rate after the last step of the schedule."""

    @property
    def settled(self) -> tuple[int, float] | None:
        every = length(self.steps).steps if self.steps is not None else None
        first = every
        if self.learning_rate == self.end_learning_rate:
            rises = self.initial_learning_rate != self.learning_rate
            first = length(self.warmup).in_steps(None, every) if rises else 0
        return None if first is None else (first, self.end_learning_rate)

    @model_validator(mode="after")
    def _leaves_steps(self) -> Self:
        if self.steps is None:
            return self
        rising, every = length(self.warmup), length(self.steps)
        pairs = ((rising.steps, every.steps), (rising.epochs, every.epochs))
        for part, whole in pairs:
            if part is not None and whole is not None and part >= whole:
                refuse(
                    f"`warmup` has {self.warmup} of the {self.steps} of the schedule, which leaves"
                    " no step after it",
                    "MS208",
                    "warmup",
                    help="`steps` contains the warm-up: write a larger number there",
                )
        return self


class WarmupLinear(Warmup):
    """A learning rate that rises in a warm-up, and then falls in a straight line.

    ```yaml
    learning_rate: {WarmupLinear: {learning_rate: 0.00002, warmup: 10%}}
    learning_rate: {WarmupLinear: {learning_rate: 0.001, warmup: 500, steps: 5000}}
    ```

    The rate of step `s`, which counts from 0, is `initial + (highest - initial) * s / warmup` in
    the warm-up, and then falls to `end_learning_rate`, which it has from step `steps` on. It is
    computed in float64. Without `steps` the schedule has the length of the training, or of the
    stage that creates the optimizer. A run that is resumed continues exactly; more epochs make the
    schedule longer. In a model of `spec.build()` the steps of an epoch are not known: there, only
    lengths in steps have an effect. A model is saved without the schedule:
    `keras.models.load_model` returns a model for prediction.
    """

    name: Name = "WarmupLinear"


class WarmupCosine(Warmup):
    """A learning rate that rises in a warm-up, and then falls along half a period of the cosine.

    ```yaml
    learning_rate: {WarmupCosine: {learning_rate: 0.001, warmup: 2 epochs}}
    learning_rate: {WarmupCosine: {learning_rate: 0.001, warmup: 10%, end_learning_rate: 0.00001}}
    ```

    The warm-up and the lengths are those of `WarmupLinear`. Keras's `CosineDecay` with
    `warmup_steps` gives the same rates, for lengths in steps.

    Loshchilov and Hutter, 2016: https://arxiv.org/abs/1608.03983
    """

    falls: ClassVar[str] = "cosine"

    name: Name = "WarmupCosine"
