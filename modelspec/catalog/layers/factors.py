"""Types of the settings for the strength of image augmentation: a number, or the two ends of a
range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from pydantic import Field, PlainValidator

from modelspec.core.settings import Unfit, is_int

from .setting_types import Number

Factor: TypeAlias = float | tuple[float, float]


def is_number(value: Any) -> bool:
    return is_int(value) or isinstance(value, float)


def _numbers(value: Any, expected: str) -> tuple[Any, ...]:
    """The number, or both numbers of a pair."""
    items = (value,) if is_number(value) else value
    if not isinstance(items, (tuple, list)) or not all(is_number(item) for item in items):
        raise Unfit(expected)
    if items is value and len(items) != 2:
        raise Unfit(expected)
    return tuple(items)


def _validator(low: float, high: float, *, each: bool, above: bool = False) -> PlainValidator:
    bounds = f"above {low:g} and at most {high:g}" if above else f"from {low:g} to {high:g}"
    expected = f"a number {bounds}, or a list of two (lower, upper)"
    validate = _checked(low, high, expected, each=each, above=above)
    least = Field(gt=low, le=high) if above else Field(ge=low, le=high)
    one: Any = Annotated[Number, least]
    end: Any = one if each else Number
    return PlainValidator(validate, json_schema_input_type=one | tuple[end, end])


def _checked(
    low: float, high: float, expected: str, *, each: bool, above: bool = False
) -> Callable[[Any], Factor]:
    """The function that gives a number or a range within the bounds, and raises `Unfit` for any
    other value.
    """

    def inside(item: float) -> bool:
        return low < item <= high if above else low <= item <= high

    def validate(value: Any) -> Factor:
        items = _numbers(value, expected)
        if len(items) == 2 and not each:
            fits = items[0] <= high and items[1] >= low
        else:
            fits = all(inside(item) for item in items)
        if not fits:
            raise Unfit(expected, code="MS205")
        return items[0] if len(items) == 1 else (items[0], items[1])

    return validate


def overlapping(low: float, high: float) -> PlainValidator:
    """A number within the bounds, or a range that overlaps them, as Keras requires."""
    return _validator(low, high, each=False)


def overlapping_integers(low: int, high: int) -> PlainValidator:
    """An integer within the bounds, or a range of integers that overlaps them: Keras draws an
    integer between the two, and fails in training if one of them is a float.
    """
    expected = f"an integer from {low} to {high}, or a list of two (lower, upper)"
    overlap = _checked(low, high, expected, each=False)

    def validate(value: Any) -> Factor:
        if any(not is_int(item) for item in _numbers(value, expected)):
            raise Unfit(expected)
        return overlap(value)

    one: Any = Annotated[int, Field(ge=low, le=high)]
    return PlainValidator(validate, json_schema_input_type=one | tuple[int, int])


def within(low: float, high: float, *, above: bool = False) -> PlainValidator:
    """A number or a range, each end within the bounds; with `above`, excluding the lower one."""
    return _validator(low, high, each=True, above=above)


def _pair(value: Any) -> tuple[float, float]:
    expected = "a list of two numbers (the lowest and the highest value of a pixel)"
    items = _numbers(value, expected)
    if len(items) != 2:
        raise Unfit(expected)
    if items[0] == items[1]:
        # Keras divides by the difference, when the model runs.
        raise Unfit("a list of two different numbers", code="MS205")
    return (items[0], items[1])


Strength = Annotated[Factor, overlapping(0, 1)]
"""The strength of the change, drawn from 0 (none) to the number, or between two numbers."""
SignedStrength = Annotated[Factor, overlapping(-1, 1)]
"""A change in both directions: a number `f` means `[-f, f]`."""
ValueRange = Annotated[
    tuple[float, float], PlainValidator(_pair, json_schema_input_type=tuple[Number, Number])
]
"""The lowest and the highest value of a pixel: `[0, 255]`, or `[0, 1]` after a `Rescaling`."""
