"""Types of component settings: numbers, axes and names, with their validators and messages.

Each is a named type rather than a pydantic union, which would report every branch it tried.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator

from modelspec.core.settings import Settings, Unfit, first_unfit, is_int


class Component(Settings):
    """The settings of one class that is not a layer. Infinities and NaN are not allowed.

    A list is a tuple here, as everywhere, and is converted back to a list for Keras: `Precision`
    does not accept tuples.
    """

    model_config = ConfigDict(allow_inf_nan=False)


Count = Annotated[int, Field(ge=1)]
"""A number of steps, epochs or classes: an integer of at least 1."""
Whole = Annotated[int, Field(ge=0)]
"""An integer of at least 0."""
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
"""A number from 0 to 1."""
PositiveFraction = Annotated[float, Field(gt=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]
"""The fraction of a running mean that each step keeps; at 1 it would never change."""

FloatDtype = Literal["float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"]
"""The dtype of a loss; by default Keras's `floatx`."""
MetricDtype = Literal[
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "mixed_float16",
    "mixed_bfloat16",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int16",
    "int32",
    "int64",
]
"""The dtype of a metric's variables. Keras reads `int8` as a quantization mode, and refuses it."""


def is_number(value: Any) -> bool:
    """Whether the value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _axes(value: Any) -> int | tuple[int, ...]:
    if is_int(value):
        return int(value)
    if not isinstance(value, (tuple, list)) or not value or not all(is_int(item) for item in value):
        raise Unfit(
            "an axis or a list of axes",
            help="axes are integers: 0 is the first, -1 the last",
            path=first_unfit(value, is_int),
        )
    if len(set(value)) < len(value):
        raise Unfit("a list of different axes", code="MS205")
    return tuple(value)


Axes = Annotated[
    int | tuple[int, ...], PlainValidator(_axes, json_schema_input_type=int | tuple[int, ...])
]
"""An axis or several: `0` or `[0, 1, 2]`."""


def _axis_list(value: Any) -> tuple[int, ...]:
    axes = _axes(value)
    if isinstance(axes, int):
        raise Unfit("a list of axes", help=f"write `[{axes}]`")
    return axes


AxisList = Annotated[
    tuple[int, ...], PlainValidator(_axis_list, json_schema_input_type=tuple[int, ...])
]


def _whole_numbers(value: Any) -> tuple[int, ...]:
    expected = "a list of at least one integer, each at least 0"
    if not isinstance(value, (tuple, list)) or not value or not all(is_int(item) for item in value):
        raise Unfit(
            expected,
            help=f"write `[{value}]`" if is_int(value) else None,
            path=first_unfit(value, is_int),
        )
    if min(value) < 0:
        raise Unfit(expected, code="MS205", path=first_unfit(value, lambda item: item >= 0))
    return tuple(value)


WholeNumbers = Annotated[
    tuple[int, ...], PlainValidator(_whole_numbers, json_schema_input_type=tuple[Whole, ...])
]


def numbers(least: float, most: float | None = None) -> PlainValidator:
    """A number or a list of at least one number, each from `least` to `most`; a list becomes a
    tuple.
    """
    bounds = f"from {least:g} to {most:g}" if most is not None else f"of at least {least:g}"
    expected = f"a number {bounds} or a list of them"

    def is_inside(item: float) -> bool:
        return least <= item and (most is None or item <= most)

    def validate(value: Any) -> float | tuple[float, ...]:
        is_list = isinstance(value, (tuple, list))
        items = value if is_list else (value,)
        if not items or not all(map(is_number, items)):
            raise Unfit(expected, path=first_unfit(value, is_number))
        if not all(map(is_inside, items)):
            raise Unfit(expected, code="MS205", path=first_unfit(value, is_inside))
        return tuple(map(float, items)) if is_list else float(value)

    item: Any = Annotated[float, Field(ge=least, le=most)]
    return PlainValidator(validate, json_schema_input_type=item | tuple[item, ...])


def _name(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unfit("a string")
    if not value or "/" in value or not value.isprintable():
        raise Unfit("a name without `/` and control characters", code="MS306")
    return value


Name = Annotated[str | None, PlainValidator(_name, json_schema_input_type=str | None)]
"""The name in logs and variables. Keras refuses `/`, which it uses to separate names."""
