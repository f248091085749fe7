"""Color augmentation: random changes of brightness, contrast, hue and others, in training only."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.settings import Unfit, is_int, refuse
from modelspec.core.shapes import Tensor

from .factors import Factor, SignedStrength, Strength, ValueRange, overlapping_integers
from .image import Augmentation
from .layer import Example, Inputs
from .setting_types import Count, DataFormat, Rate, Seed

_STRENGTHS = (
    Example({"factor": 0.3}, ((None, 9, 8, 3),)),
    Example({"factor": (0.1, 0.4)}, ((None, None, None, 3),)),
)


class RandomBrightness(Augmentation):
    """Makes images brighter or darker at random, in training only.

    ```yaml
    - RandomBrightness: {factor: 0.2, value_range: [0, 1]}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    keeps_dtype = True
    takes = "numbers"

    factor: SignedStrength
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = _STRENGTHS


class RandomContrast(Augmentation):
    """Changes the contrast of images at random, in training only.

    ```yaml
    - RandomContrast: 0.2
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    takes = "floats"

    factor: Strength
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = _STRENGTHS


class ColorLayer(Augmentation):
    """Base of layers that require color images."""

    factor: Strength
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        *_STRENGTHS,
        Example({"factor": 0.3, "data_format": "channels_first"}, ((None, 3, 9, 8),)),
    )

    def channels(self) -> tuple[int, ...]:
        return (3,)


class RandomHue(ColorLayer):
    """Shifts the hue of images at random, in training only.

    ```yaml
    - RandomHue: 0.1
    ```

    Takes color images (batch, height, width, 3), gives the same shape.
    """


class RandomSaturation(ColorLayer):
    """Changes the saturation of images at random, in training only; 0.5 leaves them unchanged.

    ```yaml
    - RandomSaturation: [0.4, 0.6]
    ```

    Takes color images (batch, height, width, 3), gives the same shape.
    """

    takes = "floats"

    factor: SignedStrength


class RandomColorDegeneration(ColorLayer):
    """Blends images with their grayscale version at random, in training only.

    ```yaml
    - RandomColorDegeneration: 0.5
    ```

    Takes color images (batch, height, width, 3), gives the same shape.
    """

    factor: SignedStrength


class RandomSharpness(ColorLayer):
    """Sharpens or blurs images at random, in training only.

    ```yaml
    - RandomSharpness: 0.5
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    def channels(self) -> tuple[int, ...]:
        return ()


class RandomPosterization(ColorLayer):
    """Keeps only the first `factor` bits of each value, in training only.

    ```yaml
    - RandomPosterization: 4
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    factor: Annotated[Factor, overlapping_integers(1, 8)]

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"factor": 4}, ((None, 9, 8, 3),)),
        Example({"factor": (2, 6)}, ((None, None, None, 1),)),
    )

    def channels(self) -> tuple[int, ...]:
        return ()


class RandomColorJitter(Augmentation):
    """Changes brightness, contrast, saturation and hue at random, in training only; a factor of
    `null` makes no change.

    ```yaml
    - RandomColorJitter:
        value_range: [0, 1]
        brightness_factor: 0.2
        contrast_factor: 0.2
        hue_factor: 0.1
    ```

    Takes images (batch, height, width, channels), with 3 channels for saturation and hue; gives the
    same shape.
    """

    value_range: ValueRange = (0, 255)
    brightness_factor: SignedStrength | None = None
    contrast_factor: Strength | None = None
    saturation_factor: SignedStrength | None = None
    hue_factor: Strength | None = None
    seed: Seed | None = None
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"brightness_factor": 0.2, "contrast_factor": 0.2}, ((None, 9, 8, 1),)),
        Example({"saturation_factor": 0.4, "hue_factor": 0.1}, ((None, 9, 8, 3),)),
    )

    def channels(self) -> tuple[int, ...]:
        return (3,) if self._has_colors() else ()

    def _has_colors(self) -> bool:
        return self.saturation_factor is not None or self.hue_factor is not None

    @model_validator(mode="after")
    def _colors_last(self) -> Self:
        # Keras creates the inner layers without the data format, so they treat the width as the
        # channels.
        if self.data_format == "channels_first" and self._has_colors():
            refuse(
                "`RandomColorJitter` changes saturation and hue only with `data_format:"
                " channels_last`",
                "MS208",
                "data_format",
                help="use `RandomSaturation` and `RandomHue`, which support both formats",
            )
        return self


class RandomGrayscale(Augmentation):
    """Converts a random fraction of the images to grayscale, in training only.

    ```yaml
    - RandomGrayscale: 0.2
    ```

    Takes images (batch, height, width, 3), or with 1 channel, which are unchanged; gives the same
    shape and dtype.
    """

    factor: Rate = 0.5
    data_format: DataFormat = None
    seed: Seed | None = None

    def channels(self) -> tuple[int, ...]:
        return (1, 3)

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(self.images(inputs))


class RandomInvert(Augmentation):
    """Inverts the values of a random fraction of the images, in training only.

    ```yaml
    - RandomInvert: {factor: 0.1, value_range: [0, 1]}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    factor: Strength = 1.0
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: DataFormat = None


def _odd(value: Any) -> int | tuple[int, int]:
    expected = "an odd integer or a list of two odd integers (height, width)"
    items = (value,) if is_int(value) else _pair(value)
    if items is None:
        raise Unfit(expected)
    if any(item < 1 or item % 2 == 0 for item in items):
        raise Unfit(expected, code="MS205", help="use an odd size, e.g. 3, 5 or 7")
    return items[0] if len(items) == 1 else (items[0], items[1])


def _pair(value: Any) -> tuple[int, ...] | None:
    """Two integers; None for any other value."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return None
    return tuple(value) if all(is_int(item) for item in value) else None


class RandomGaussianBlur(Augmentation):
    """Blurs images at random, in training only.

    ```yaml
    - RandomGaussianBlur: {factor: 0.5, kernel_size: 5, sigma: [0.1, 1.0]}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    no_kernel_in = ("float16",)

    factor: Strength = 1.0
    kernel_size: Annotated[
        int | tuple[int, int],
        PlainValidator(_odd, json_schema_input_type=Count | tuple[Count, Count]),
    ] = 3
    sigma: Strength = 1.0
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed | None = None
