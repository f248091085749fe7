"""Types of the settings for the strength of image augmentation: a number, or the two ends of a
range.
"""

from __future__ import annotations

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

    least = Field(gt=low, le=high) if above else Field(ge=low, le=high)
    one: Any = Annotated[Number, least]
    end: Any = one if each else Number
    return PlainValidator(validate, json_schema_input_type=one | tuple[end, end])


def overlapping(low: float, high: float) -> PlainValidator:
    """A number within the bounds, or a range that overlaps them, as Keras requires."""
    return _validator(low, high, each=False)


def within(low: float, high: float, *, above: bool = False) -> PlainValidator:
    """A number or a range, each end within the bounds; with `above`, excluding the lower one."""
    return _validator(low, high, each=True, above=above)


def _pair(value: Any) -> tuple[float, float]:
    expected = "a list of two numbers (the lowest and the highest value of a pixel)"
    items = _numbers(value, expected)
    if len(items) != 2:
        raise Unfit(expected)
    return (items[0], items[1])


Strength = Annotated[Factor, overlapping(0, 1)]
"""The strength of the change, drawn from 0 (none) to the number, or between two numbers."""
SignedStrength = Annotated[Factor, overlapping(-1, 1)]
"""A change in both directions: a number `f` means `[-f, f]`."""
ValueRange = Annotated[
    tuple[float, float], PlainValidator(_pair, json_schema_input_type=tuple[Number, Number])
]
"""The lowest and the highest value of a pixel: `[0, 255]`, or `[0, 1]` after a `Rescaling`."""
