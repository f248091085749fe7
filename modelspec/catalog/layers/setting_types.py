"""Types of layer settings: windows, rates, choices and components, with their validators and
messages.

Each is a named type with one validator rather than a pydantic union, which would report every
branch it tried.
"""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from modelspec.core import dtypes
from modelspec.core.diagnostics import Fault, nearest
from modelspec.core.records import dataclass
from modelspec.core.registry import Registry
from modelspec.core.settings import (
    Faults,
    Settings,
    Unfit,
    context_of,
    first_unfit,
    is_int,
    read_form,
)

from ..components import ACTIVATIONS, CONSTRAINTS, INITIALIZERS, REGULARIZERS, component
from . import LAYERS

Initializer = Annotated[Any, component(INITIALIZERS)]
"""`he_normal`, `{HeNormal: {seed: 1}}`: stays a name if only a name was written."""
Regularizer = Annotated[Any, component(REGULARIZERS)]
Constraint = Annotated[Any, component(CONSTRAINTS)]
Activation = Annotated[Any, component(ACTIVATIONS)]

Count = Annotated[int, Field(gt=0)]
"""A number of units, filters or heads: an integer of at least 1."""
Rate = Annotated[float, Field(ge=0, le=1)]
"""A fraction from 0 to 1."""


# Windows ----------------------------------------------------------------------------------------


def window(count: int, axes: str, least: int = 1) -> PlainValidator:
    """One integer for every axis, or a list of `count` of them, each at least `least`; becomes
    a tuple.

    `axes` names them in messages: `height, width`.
    """
    single = f"an integer of at least {least}"
    expected = single if count == 1 else f"{single} or a list of {count} ({axes})"

    def validate(value: Any) -> tuple[int, ...]:
        items = (value,) * count if is_int(value) else value
        if not isinstance(items, (tuple, list)) or len(items) != count:
            raise Unfit(expected)
        if not all(is_int(item) for item in items):
            raise Unfit(expected, path=first_unfit(value, is_int))
        if min(items) < least:
            raise Unfit(expected, code="MS205", path=first_unfit(value, lambda item: item >= least))
        return tuple(items)

    item = Annotated[int, Field(ge=least)]
    return PlainValidator(
        validate, json_schema_input_type=item | GenericAlias(tuple, (item,) * count)
    )


Window1D = Annotated[tuple[int, ...], window(1, "length")]
"""A kernel, pool, stride or dilation along one axis: `3`."""
Window2D = Annotated[tuple[int, ...], window(2, "height, width")]
"""Along two axes: `3` or `[3, 5]`."""
Window3D = Annotated[tuple[int, ...], window(3, "depth, height, width")]
"""Along three axes: `3` or `[3, 5, 5]`."""


# Settings with defaults from the model ----------------------------------------------------------


def one_of(value: Any, choices: tuple[str, ...], expected: str) -> str:
    """The value if it is one of the words. Raises `Unfit` with the nearest word otherwise."""
    if isinstance(value, str) and value in choices:
        return value
    near = nearest(value, choices) if isinstance(value, str) else None
    raise Unfit(
        expected, code="MS205", suggestion=near, help=f"did you mean `{near}`?" if near else None
    )


def _data_format(value: Any, info: ValidationInfo) -> str:
    if value is None:
        return context_of(info).image_data_format
    return one_of(value, ("channels_last", "channels_first"), "`channels_last` or `channels_first`")


def _policy(value: Any, info: ValidationInfo) -> str:
    if value is None:
        return context_of(info).precision
    return one_of(
        _policy_name(value),
        dtypes.POLICIES,
        "a dtype or dtype policy (`float32`, `mixed_float16`, ...)",
    )


def _policy_name(value: Any) -> Any:
    """The name of a policy in the form in which Keras serializes it; other values as they are."""
    if not isinstance(value, dict) or value.get("class_name") != "DTypePolicy":
        return value
    config = value.get("config")
    return config.get("name", value) if isinstance(config, dict) else value


DataFormat = Annotated[
    str | None,
    Field(validate_default=True),
    PlainValidator(
        _data_format, json_schema_input_type=Literal["channels_last", "channels_first"] | None
    ),
]
"""The position of the channel axis; by default the model's `image_data_format`."""
Policy = Annotated[
    str | None,
    Field(validate_default=True),
    PlainValidator(_policy, json_schema_input_type=Literal[dtypes.POLICIES] | None),
]
"""A dtype policy; by default that of `runtime.precision`."""


# Common values ----------------------------------------------------------------------------------

Number = Annotated[float, Field(allow_inf_nan=False)]
"""Any finite number."""
Epsilon = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A small number added to a variance or a mean square to prevent division by zero."""
Seed = int
"""The seed of a layer's random numbers."""


def read_layer(value: Any, info: ValidationInfo) -> Settings:
    """Reads a layer from one of the three forms of an entry. Raises `Faults`."""
    found = value if isinstance(value, Settings) else read_form(LAYERS, value, context_of(info))
    if getattr(found, "alone", False):
        raise Faults(
            [
                Fault(
                    "MS208",
                    f"`{found.kind()}` cannot be used inside another layer",
                    help="write it as a separate entry, before or after this one",
                )
            ]
        )
    return found


@dataclass(frozen=True)
class LayerReader:
    """The validator of a layer in a list; the schema refers to its family."""

    family: Registry

    def __call__(self, value: Any, info: ValidationInfo) -> Settings:
        return read_layer(value, info)


ListedLayers = tuple[
    Annotated[Any, PlainValidator(LayerReader(LAYERS), json_schema_input_type=Any)], ...
]
"""A list of layers, for the schema of settings with a separate validator."""


LayerSetting = Annotated[Any, PlainValidator(read_layer, json_schema_input_type=Any)]
"""A layer inside a layer, in the three forms of an entry: `Flatten`, `{Dense: 10}`, `{Dense:
{units: 10}}`.
"""


NoPolicy = Annotated[
    str | None,
    PlainValidator(
        lambda value: (
            value
            if value is None
            else one_of(
                value, dtypes.POLICIES, "a dtype or dtype policy (`float32`, `mixed_float16`, ...)"
            )
        ),
        json_schema_input_type=Literal[dtypes.POLICIES] | None,
    ),
]
"""A dtype policy of a layer that does not follow `runtime.precision`."""


def omitted(help: str) -> PlainValidator:
    """A Keras setting that specs do not support: only `null` is accepted."""

    def validate(value: Any) -> None:
        if value is not None:
            raise Unfit("left out (`null`)", code="MS205", help=help)

    return PlainValidator(validate, json_schema_input_type=None)


def either(
    kind: type[int | float], count: int | None = None, *, least: float | None = None
) -> PlainValidator:
    """A number or a list of numbers (`count` of them, or at least one), each at least `least`; a
    list becomes a tuple.
    """
    noun = "integer" if kind is int else "number"
    bound = "" if least is None else f" of at least {least}"
    expected = f"a {noun}{bound} or a list of {count or 'them'}"

    def fits(item: Any) -> bool:
        return is_int(item) or (kind is float and isinstance(item, float))

    def validate(value: Any) -> Any:
        items = value if isinstance(value, (tuple, list)) else (value,)
        if not items or (count and items is value and len(items) != count):
            raise Unfit(expected)
        if not all(fits(item) for item in items):
            raise Unfit(expected, path=first_unfit(value, fits))
        if least is not None and min(items) < least:
            raise Unfit(expected, code="MS205", path=first_unfit(value, lambda item: item >= least))
        return tuple(items) if items is value else value

    item: Any = kind if least is None else Annotated[kind, Field(ge=least)]
    return PlainValidator(validate, json_schema_input_type=item | GenericAlias(tuple, (item, ...)))


def _plain_sizes(value: Any) -> Any:
    listed = isinstance(value, (tuple, list))
    items = value if listed else (value,)
    if not (is_int(value) or (listed and all(map(_is_size, value)))):
        raise Unfit("an integer or a list of them and `null`", path=first_unfit(value, _is_size))
    if any(item is not None and item < 1 for item in items):
        raise Unfit(
            "an integer of at least 1, or a list of them and `null`",
            code="MS205",
            path=first_unfit(value, lambda item: item is None or item >= 1),
        )
    return tuple(items) if listed else value


def _is_size(value: Any) -> bool:
    return value is None or is_int(value)


PlainSizes = PlainValidator(_plain_sizes, json_schema_input_type=Count | tuple[Count | None, ...])
"""One size or several, `null` for those inferred from the input."""
