"""The settings of one input or target: its columns, how their cells are read, and how the values
are prepared for the model.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, PlainValidator, PrivateAttr, model_validator

from modelspec.catalog.layers.setting_types import Count, ListedLayers
from modelspec.catalog.sources.common.picture_settings import MaskValues, PictureSize
from modelspec.catalog.sources.common.sound_settings import MOST_SAMPLES, Channels, Length, Rate
from modelspec.core.diagnostics import Fault, listed
from modelspec.core.settings import Section, Unfit, refuse

from .column_names import Columns, Selection
from .file_reading import check_reading, without_effect
from .number_format import NumberFormat
from .transform_layers import Chain, takes_text

POLICIES = ("error", "drop", "mean", "median", "most_frequent")
"""Policies for missing values, besides a constant that replaces them."""
MEASURED = ("mean", "median", "most_frequent")
"""Policies whose value is computed on the training split."""


def _missing(value: Any) -> str | int | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
        return value
    raise Unfit(f"{listed(POLICIES, 'or')}, or a number or string that replaces missing values")


Missing = Annotated[Any, PlainValidator(_missing, json_schema_input_type=str | int | float)]


def _fill(value: Any) -> str | int | float:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise Unfit("a number, or a string for sequences of words")


Fill = Annotated[Any, PlainValidator(_fill, json_schema_input_type=str | int | float)]


def _label(value: Any) -> str | int | bool:
    if isinstance(value, (str, int)) and value != "":
        return value
    raise Unfit("one of the two labels of the target: a string or an integer")


Label = Annotated[Any, PlainValidator(_label, json_schema_input_type=str | int | bool)]


def _as_written(value: Any) -> Any:
    return value


Coordinates: TypeAlias = Literal[
    "xyxy",
    "rel_xyxy",
    "yxyx",
    "rel_yxyx",
    "xywh",
    "rel_xywh",
    "center_xywh",
    "rel_center_xywh",
    "center_yxhw",
    "xy",
    "rel_xy",
]
"""The formats of boxes and points; `spec.coordinates` describes them."""
Layers = Annotated[Any, PlainValidator(_as_written, json_schema_input_type=ListedLayers)]
"""Layers as written: they are read when the whole feature is known."""
LengthOrPad = Annotated[
    Any, PlainValidator(_as_written, json_schema_input_type=Count | dict[str, Any])
]
"""The length, or the settings of `Pad`."""
Format = Annotated[Any, PlainValidator(_as_written, json_schema_input_type=dict[str, Any])]
"""The settings of `NumberFormat`."""


class Pad(Section):
    """Sequences of equal length: longer ones are truncated, shorter ones padded, as by Keras's
    `pad_sequences`.
    ```yaml
    inputs: {tokens: {column: tokens, pad: 100}}
    inputs: {tokens: {column: tokens, pad: {length: 100, padding: post, truncating: post}}}
    ```
    """

    title: ClassVar[str] = "pad"

    length: Count | None = None
    """The common length; by default that of the longest sequence of the training split."""
    value: Fill = 0
    """The padding value."""
    padding: Literal["pre", "post"] = "pre"
    """Where short sequences are padded: before or after their values."""
    truncating: Literal["pre", "post"] = "pre"
    """Where long sequences are truncated."""


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
    """One column or array."""
    columns: Columns | None = None
    """Several columns, stacked into one vector in this order: names, ranges (`V1..V28`) and
    patterns (`pixel_*`, in the order of the source); or `{all_but: [id, label]}`, all columns of
    the source except these.
    """
    dtype: Literal["string", "int64", "float64"] | None = None
    """The type of the values, if no `transform` determines it: `string` keeps the cells of a `csv`
    as written (`007` stays `007`), `int64` accepts integers only, `float64` numbers.
    """
    lowercase: Literal["unicode"] | None = None
    """`unicode` converts strings to lower case before all other steps, as Python's `str.lower`
    does; `TextVectorization` by itself lowers only the letters A to Z.
    """
    missing: Missing = "error"
    """What to do with missing values: `error` (report the first and stop), `drop` (skip the
    example), `mean`, `median`, `most_frequent` (computed on the training split), or a constant that
    replaces them.
    """
    separator: str | None = None
    """The separator of several labels in a cell, as in `red|green`: each label is trimmed,
    empty labels are dropped, and an empty cell has no labels. A lookup with `output_mode:
    multi_hot` encodes them as one vector; with `pad` they are a sequence.
    """
    number: Format = None
    """How the numbers of the column are written: `{thousands, decimal, strip, percent,
    accounting}`.
    """
    coordinates: Coordinates | None = None
    """For points (`xy`) and boxes in an image: their format, after `transform`, with the names of
    Keras; `rel_` are fractions of the width and height of the image. `augment` with `on` moves them
    with the image; what leaves the image becomes -1.
    """
    random: Literal["normal", "uniform"] | None = None
    """Instead of a column: an input that is drawn anew at every step, from the standard normal
    distribution or uniformly from 0 to 1. In training the numbers depend on the seed, the epoch and
    the step; in `evaluate` and `predict` on the seed and the row.
    """
    read: Literal["image", "mask", "audio"] | None = None
    """Reads the files that a column of paths names, relative to the file that contains the column:
    as images, as masks with a class number for each pixel, or as sounds.
    """
    size: PictureSize | None = None
    """The height and width to which every image or mask is resized; without it all must have the
    same size.
    """
    color_mode: Literal["rgb", "grayscale", "rgba"] = "rgb"
    """The channels of images that are read."""
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3"] = "bilinear"
    """How images that are read are resized; masks take the nearest value."""
    crop_to_aspect_ratio: bool = False
    """Crop to the aspect ratio of `size` instead of distorting the image."""
    pad_to_aspect_ratio: bool = False
    """Pad with black borders instead of distorting the image; borders of a mask have class 0."""
    mask_values: MaskValues | None = None
    """The values of a mask that mean the classes 0, 1, ...; any other value is an error."""
    max_pixels: Annotated[int, Field(ge=1, le=170_000_000)] = 50_000_000
    """A file with more pixels is rejected before it is decoded."""
    sampling_rate: Rate | None = None
    """The samples per second that audio files are resampled to; without it all must have the same
    rate.
    """
    output_sequence_length: Length | None = None
    """The number of samples that every sound is cut to, or padded to with zeros at its end; without
    it all must have the same length.
    """
    channels: Channels = "mono"
    """The channels of audio that is read: `mono` is the mean of the channels, `stereo` repeats a
    single channel.
    """
    max_samples: Length = MOST_SAMPLES
    """A file with more samples, over its channels, is rejected before it is decoded."""
    pad: LengthOrPad = None
    """Truncates or pads sequences to one length: the length, or `{length, value, padding,
    truncating}`.
    """
    transform: Layers = None
    """Layers that prepare the values, one after the other; they adapt to the training split. The
    labels of a looked-up target are sorted (strings by code point, numbers by value), those of an
    input begin with the most frequent.
    """
    positive: Label | None = None
    """For a looked-up target with two labels: the label whose probability a single unit predicts,
    and that `Precision` and `Recall` measure; by default the second label in sorted order.
    """

    _text_steps: Chain | None = PrivateAttr(default=None)

    def without_effect(self) -> Collection[str]:
        if self.random is not None:
            return type(self).model_fields.keys() - {"random"}
        return without_effect(self)

    @model_validator(mode="after")
    def _one_of_them(self) -> Feature:
        if self.columns == () and not isinstance(self.columns, Selection):
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
            empty = [key for key in ("column", "columns", "random") if key in self.model_fields_set]
            raise Fault(
                "MS203" if not found else "MS208",
                "a feature requires exactly one of `column`, `columns` and `random`",
                tuple(empty[:1]) if not found else (),
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
                "`separator` requires a single `column`",
                "MS208",
                "separator",
                help="write a feature for each column",
            )
        if self.missing != "error":
            refuse(
                "with a `separator` an empty cell has no labels, and is never missing",
                "MS208",
                "missing",
                help="remove `missing`",
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
                f"`{others[0]}` requires a column, and `random` has none",
                "MS208",
                others[0],
                help=f"remove `{others[0]}`",
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,) if self.column is not None else self.columns or ()

    @property
    def text_steps(self) -> Chain | None:
        """The first layers of the transform, if they change strings; `transform` has the others."""
        return self._text_steps

    def prepared_by(self, chain: Chain) -> Feature:
        """The feature with the layers of its `transform`."""
        steps, rest = chain.divided()
        found = self.model_copy(update={"transform": rest})
        found._text_steps = steps
        return found

    def with_steps(self, count: int) -> Feature:
        """The feature with only the first of its layers that change strings."""
        found, steps = self.model_copy(), self.text_steps
        found._text_steps = None if steps is None else replace(steps, uses=steps.uses[:count])
        return found

    def takes_text(self, dtype: str | None) -> bool | None:
        """Whether it takes strings rather than numbers; None if it takes either. `dtype` is that of
        the model input, None for a target.
        """
        if self.dtype is not None:
            return self.dtype == "string"
        if self.number is not None or self.read is not None:
            return False
        if self.text_steps is not None:
            return True
        chain = transform_of(self)
        return takes_text(chain.layers if chain else (), dtype)

    @property
    def prepared(self) -> bool:
        """Whether the transform changes the number or the type of the values."""
        changed = (self.transform, self.text_steps, self.pad, self.separator, self.random)
        return any(one is not None for one in changed)

    @property
    def number_format(self) -> NumberFormat | None:
        """How the numbers are written; None if nothing is set."""
        return self.number if isinstance(self.number, NumberFormat) else None


def transform_of(feature: Feature) -> Chain | None:
    """The layers that prepare a feature; None if it has none, or they are invalid."""
    return feature.transform if isinstance(feature.transform, Chain) else None
