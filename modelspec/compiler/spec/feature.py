"""What feeds one input or target, as settings: its columns, how their cells are read, and what is
done to the values before the model takes them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, model_validator

from modelspec.catalog.layers.setting_types import Count
from modelspec.catalog.sources.common.picture_settings import MaskValues, PictureSize
from modelspec.core.diagnostics import Fault, listed
from modelspec.core.settings import Section, Unfit, refuse

from .column_names import Columns
from .file_reading import check_reading, without_effect
from .number_format import NumberFormat
from .transform_layers import Chain, takes_text

POLICIES = ("error", "drop", "mean", "median", "most_frequent")
"""What may be done about a missing value, beside putting a constant in its place."""
MEASURED = ("mean", "median", "most_frequent")
"""Policies whose value is measured on the training split."""


def _missing(value: Any) -> str | int | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        return value
    raise Unfit(
        f"{listed(POLICIES, 'or')}, or the number or text to put in place of a missing value"
    )


Missing = Annotated[Any, PlainValidator(_missing, json_schema_input_type=str | int | float)]


def _fill(value: Any) -> str | int | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise Unfit("a number, or a text for sequences of words")


Fill = Annotated[Any, PlainValidator(_fill, json_schema_input_type=str | int | float)]


def _label(value: Any) -> str | int | bool:
    if isinstance(value, (str, int)) and value != "":
        return value
    raise Unfit("one of the two labels of the target: a text, or a whole number")


Label = Annotated[Any, PlainValidator(_label, json_schema_input_type=str | int | bool)]


class Pad(Section):
    """Sequences of one length: longer ones are cut, shorter ones filled up; in the terms of Keras's
    `pad_sequences`.

    ```yaml
    inputs: {tokens: {column: tokens, pad: 100}}
    inputs: {tokens: {column: tokens, pad: {length: 100, padding: post, truncating: post}}}
    ```
    """

    title: ClassVar[str] = "pad"

    length: Count | None = None
    """How long all are; by default as long as the longest of the training split."""
    value: Fill = 0
    """What fills up."""
    padding: Literal["pre", "post"] = "pre"
    """Where short ones are filled up: before the sequence, or behind it."""
    truncating: Literal["pre", "post"] = "pre"
    """Where long ones are cut."""


class Feature(Section):
    """What feeds one input or target: one column (or array), or several stacked into a vector.

    ```yaml
    inputs:
      measures: {columns: [length, depth], missing: mean, transform: [Normalization]}
      island: {column: island, transform: [StringLookup: {output_mode: one_hot}]}
    ```
    """

    title: ClassVar[str] = "a feature"

    column: str | None = None
    """One column, or array."""
    columns: Columns | None = None
    """Several columns, stacked into one vector in this order; `V1..V28` is a range of them."""
    dtype: Literal["string", "int64", "float64"] | None = None
    """What the values are, where no `transform` says it: `string` takes the cells of a `csv` as
    they are written (`007` stays `007`), `int64` whole numbers alone, `float64` numbers.
    """
    lowercase: Literal["unicode"] | None = None
    """`unicode` brings texts to lower case before anything else is done with them, as Python's
    `str.lower` does; `TextVectorization` by itself lowers the letters A to Z alone.
    """
    missing: Missing = "error"
    """What to do where a value is missing: `error` (name it and stop), `drop` (leave the example
    out), `mean`, `median`, `most_frequent` (as measured on the training split), or a constant that
    takes its place.
    """
    separator: str | None = None
    """What separates several labels in a cell, as in `red|green`: each part is trimmed, empty ones
    are dropped, and an empty cell has no label. A lookup with `output_mode: multi_hot` then makes
    one vector of them; with `pad` they are a sequence.
    """
    number: Any = None
    """How the numbers of the column are written: `{thousands, decimal, strip, percent,
    accounting}`.
    """
    random: Literal["normal", "uniform"] | None = None
    """In place of a column: an input that is drawn anew at every step, from the standard normal
    distribution or uniformly from 0 to 1. In training the numbers follow from the seed, the epoch
    and the step; in `evaluate` and `predict` from the seed and the row.
    """
    read: Literal["image", "mask"] | None = None
    """Reads the files that a column of paths names, relative to the file that has the column: as
    images, or as masks with a class number for each pixel.
    """
    size: PictureSize | None = None
    """The height and width that every image or mask is resized to; without it all must be of one
    size.
    """
    color_mode: Literal["rgb", "grayscale", "rgba"] = "rgb"
    """The channels of images that are read."""
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3"] = "bilinear"
    """How images that are read are resized; masks take the nearest value."""
    crop_to_aspect_ratio: bool = False
    """Cut the middle out rather than distort, where the shape of a file differs from `size`."""
    pad_to_aspect_ratio: bool = False
    """Add black borders rather than distort; those of a mask are of class 0."""
    mask_values: MaskValues | None = None
    """The values of a mask that mean the classes 0, 1, ...; any other value is a fault."""
    max_pixels: Annotated[int, Field(ge=1, le=170_000_000)] = 50_000_000
    """A file that claims more is refused before it is decoded."""
    pad: Any = None
    """Sequences cut or filled up to one length: the length, or `{length, value, padding,
    truncating}`.
    """
    transform: Any = None
    """Layers that prepare the values, one after the other; what they learn, they learn from the
    training split. The labels of a looked-up target are in order (text by code point, numbers by
    value), those of an input the most frequent first.
    """
    positive: Label | None = None
    """Of a looked-up target with two labels: the one that a single unit is the probability of, and
    that `Precision` and `Recall` are about; by default the second in order.
    """

    def without_effect(self) -> Collection[str]:
        if self.random is not None:
            return type(self).model_fields.keys() - {"random"}
        return without_effect(self)

    @model_validator(mode="after")
    def _one_of_them(self) -> Feature:
        if self.columns == ():
            raise Fault("MS205", "`columns` must name at least one column", ("columns",))
        seen: set[str] = set()
        for index, name in enumerate(self.columns or ()):
            if name in seen:
                message = f"`columns` names `{name}` twice"
                path = ("columns", index)
                raise Fault("MS208", message, path, help=f"name `{name}` once")
            seen.add(name)
        given = [self.column, self.columns, self.random]
        found = len(given) - given.count(None)
        if found != 1:
            raise Fault(
                "MS203" if not found else "MS208",
                "a feature has one of `column`, `columns` and `random`",
                (),
                at_key=True,
                help="write e.g. `{column: age}` or `{columns: [age, income]}`",
            )
        return self

    @model_validator(mode="after")
    def _separates_labels(self) -> Feature:
        if self.separator is None:
            return self
        if self.separator == "":
            refuse("`separator` is empty", "MS205", "separator", help='write e.g. `"|"`')
        if self.columns is not None:
            refuse(
                "`separator` goes with one `column`",
                "MS208",
                "separator",
                help="write a feature for each column",
            )
        if self.missing != "error":
            refuse(
                "an empty cell of a column with a `separator` has no label, and is not missing",
                "MS208",
                "missing",
                help="leave `missing` out",
            )
        return self

    @model_validator(mode="after")
    def _reads_files(self) -> Feature:
        check_reading(self)
        return self

    @model_validator(mode="after")
    def _random_alone(self) -> Feature:
        others = sorted(self.model_fields_set - {"random"}) if self.random else []
        if others:
            refuse(
                f"`{others[0]}` is about a column, and `random` has none",
                "MS208",
                others[0],
                help=f"leave `{others[0]}` out",
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,) if self.column is not None else self.columns or ()

    def takes_text(self, dtype: str | None) -> bool | None:
        """Whether it takes text rather than numbers; None where it takes either. `dtype` is that of
        the model input, None for a target.
        """
        if self.dtype is not None:
            return self.dtype == "string"
        if self.number is not None or self.read is not None:
            return False
        chain = transform_of(self)
        return takes_text(chain.layers if chain else (), dtype)

    @property
    def prepared(self) -> bool:
        """Whether the values change on their way, in number or in kind."""
        changed = (self.transform, self.pad, self.separator, self.random)
        return any(one is not None for one in changed)

    @property
    def number_format(self) -> NumberFormat | None:
        """How the numbers are written; None where nothing says it."""
        return self.number if isinstance(self.number, NumberFormat) else None


def transform_of(feature: Feature) -> Chain | None:
    """The layers that prepare a feature; None where it has none, or they are in error."""
    return feature.transform if isinstance(feature.transform, Chain) else None
