"""The preparation of data by presets of KerasHub: KerasHubTokenizer, KerasHubImageConverter."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .backbones.preprocessing import (
    IMAGES,
    TOKENIZER,
    image_converter_of,
    tokenizer_files,
    tokenizer_of,
    vocabulary_hash,
)
from .backbones.presets import folder_of
from .categories import OwnDtype
from .kerashub import PresetPath
from .layer import Inputs, Layer, need_rank
from .setting_types import Count


class KerasHubTokenizer(OwnDtype):
    """The tokens of a text, as the tokenizer of a preset of KerasHub numbers them.

    ```yaml
    transform: [{KerasHubTokenizer: {preset: ./bert, length: 64}}]
    transform: [{KerasHubTokenizer: {preset: ./bert, length: 64, gives: padding_mask}}]
    ```

    Takes strings (batch) or (batch, 1), gives integers (batch, length). The text is between the
    marks of the tokenizer (`[CLS]` and `[SEP]` for Bert), is cut to `length`, and padded. These are
    the numbers of the text classifier preprocessors of KerasHub. `padding_mask` is 1 for the tokens
    of the text and its marks.

    The vocabulary is that of the preset: nothing is learned from the data. A run reads it from the
    folder of the preset again.
    """

    prepares_data = True
    keras_module: ClassVar[str] = "modelspec"
    requires: ClassVar[str | None] = "keras_hub"
    not_in_models: ClassVar[str | None] = (
        "it takes strings, which are only available in a `transform`"
    )

    preset: PresetPath
    """The folder of a preset, or its name or address if its download is allowed."""
    length: Count
    """The number of tokens of each text: longer ones are truncated, shorter ones padded."""
    gives: Literal["token_ids", "padding_mask"] = "token_ids"
    """`token_ids`, or the `padding_mask` of the same tokens."""
    add_start: bool = True
    """Whether to put the start mark of the tokenizer before the text."""
    add_end: bool = True
    """Whether to put the end mark of the tokenizer after the text."""

    @model_validator(mode="after")
    def _has_tokenizer(self) -> Self:
        _check(self.preset, TOKENIZER, tokenizer_of)
        return self

    @property
    def read_files(self) -> tuple[Path, ...]:
        return tokenizer_files(folder_of(self.preset, TOKENIZER))

    @property
    def vocabulary_given(self) -> str | None:
        return vocabulary_hash(self.preset) if isinstance(self.preset, Path) else None

    def column_types(self) -> tuple[str, ...]:
        return ("string",)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        if x.dtype != "string" or (x.rank == 2 and x.shape[1] not in (1, None)):
            raise Fault(
                "MS404",
                f"`KerasHubTokenizer` takes one string for each example, found {x}",
                help="put it first in the `transform` of a column of text",
            )
        need_rank(self, x, 1, 2)
        return Tensor((x.shape[0], self.length), "int32")


class KerasHubImageConverter(Layer):
    """Resizes and rescales images as a preset of KerasHub expects them.

    ```yaml
    transform: [{KerasHubImageConverter: ./resnet}]
    transform: [{KerasHubImageConverter: {preset: ./resnet, image_size: [224, 224]}}]
    ```

    Takes images with values from 0 to 255, (batch, height, width, channels), and gives them in the
    size of the preset (`image_size` sets another one), multiplied by its `scale` plus its `offset`.
    A preset without a size keeps that of the images.
    """

    prepares_data = True
    keras_module: ClassVar[str] = "modelspec"
    requires: ClassVar[str | None] = "keras_hub"

    preset: PresetPath
    """The folder of a preset, or its name or address if its download is allowed."""
    image_size: tuple[Count, Count] | None = None
    """The height and width to give; `null` uses those of the preset."""

    @model_validator(mode="after")
    def _has_converter(self) -> Self:
        _check(self.preset, IMAGES, image_converter_of)
        return self

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings in the preset. Raises `Fault` (MS749, MS757)."""
        return image_converter_of(folder_of(self.preset, IMAGES)).settings

    @property
    def size(self) -> tuple[int, int] | None:
        """The height and width that it gives; None for those of the images."""
        found = self.image_size or self.settings.get("image_size")
        return None if found is None else (found[0], found[1])

    @property
    def read_files(self) -> tuple[Path, ...]:
        return (folder_of(self.preset, IMAGES) / IMAGES,)

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, 4)
        height, width = self.size or x.shape[1:3]
        return Tensor((x.shape[0], height, width, x.shape[3]), self.compute_dtype)


def _check(preset: Path | str, file: str, part: Callable[[Path], Any]) -> None:
    """Raises `Fault` at the preset if it lacks the part that a file describes."""
    try:
        part(folder_of(preset, file))
    except Fault as fault:
        raise replace(fault, path=("preset",)) from None
