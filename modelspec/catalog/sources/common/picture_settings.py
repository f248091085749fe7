"""Types of the settings for reading image files."""

from typing import Annotated, Any, TypeAlias

from pydantic import Field, PlainValidator

from modelspec.core.settings import Unfit, is_int

CHANNELS = {"rgb": 3, "grayscale": 1, "rgba": 4}
"""The number of channels of each `color_mode`."""


def _size(value: Any) -> tuple[int, int]:
    if is_int(value):
        value = (value, value)
    if (
        not isinstance(value, (tuple, list))
        or len(value) != 2
        or not all(is_int(one) for one in value)
    ):
        raise Unfit("a height and a width, e.g. `[224, 224]`")
    if min(value) < 1:
        raise Unfit("a height and a width of at least 1", code="MS205")
    return value[0], value[1]


_Pixels = Annotated[int, Field(ge=1)]
PictureSize: TypeAlias = Annotated[
    tuple[int, int], PlainValidator(_size, json_schema_input_type=_Pixels | tuple[_Pixels, _Pixels])
]
"""A height and a width, or one number for both."""


def _mask_values(value: Any) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or not value or not all(is_int(one) for one in value):
        raise Unfit("a list of the values of the classes 0, 1, ..., e.g. `[0, 255]`")
    if len(set(value)) < len(value):
        raise Unfit("a list of different values", code="MS205")
    if min(value) < 0 or max(value) > 65535 or len(value) > 256:
        raise Unfit("at most 256 values from 0 to 65535", code="MS205")
    return tuple(value)


MaskValues: TypeAlias = Annotated[
    tuple[int, ...], PlainValidator(_mask_values, json_schema_input_type=tuple[int, ...])
]
"""The values of masks for the classes 0, 1, ..."""
