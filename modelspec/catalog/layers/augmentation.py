"""Geometric augmentation: flips, rotations, shifts, distortions, crops and erased patches, in
training only.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import PlainValidator

from modelspec.core.settings import Unfit
from modelspec.core.shapes import Tensor, known, needs

from .factors import Factor, SignedStrength, Strength, ValueRange, is_number, within
from .image import Augmentation, Geometric, SizedImageLayer
from .layer import Example
from .setting_types import DataFormat, Number, Rate, Seed
from .windows import spatial

FillMode = Literal["reflect", "wrap", "constant", "nearest"]
"""How points outside the image are filled: by reflection, wrapping, `fill_value` or the edge."""
Interpolation = Literal["nearest", "bilinear"]
"""How values between pixels are computed."""


def _ends(value: Any, high: float) -> tuple[float, float]:
    expected = f"a list of two numbers above 0 and at most {high:g} (lower, upper)"
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(map(is_number, value)):
        raise Unfit(expected)
    lower, upper = (float(one) for one in value)
    if not 0 < lower <= upper <= high:
        raise Unfit(expected, code="MS205")
    return lower, upper


def _range(high: float) -> PlainValidator:
    return PlainValidator(
        lambda value: _ends(value, high), json_schema_input_type=tuple[Number, Number]
    )


Share = Annotated[tuple[float, float], _range(1)]
"""The two ends of a range of fractions."""
Ratio = Annotated[tuple[float, float], _range(1000)]
"""The two ends of a range of aspect ratios."""


class RandomFlip(Geometric):
    """Flips images at random, in training only.

    ```yaml
    - RandomFlip: horizontal
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    moves_coordinates = True

    mode: Literal["horizontal_and_vertical", "horizontal", "vertical"] = "horizontal_and_vertical"
    seed: Seed | None = None
    data_format: DataFormat = None


class RandomRotation(Geometric):
    """Rotates images by a random fraction of a full turn, in training only.

    ```yaml
    - RandomRotation: 0.1
    ```

    Takes images (batch, height, width, channels), gives the same shape. A factor of 0.1 means from
    -36 to 36 degrees.
    """

    projects = True
    moves_coordinates = True

    factor: SignedStrength
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed | None = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"factor": 0.1}, ((None, 9, 8, 3),)),
        Example({"factor": (-0.2, 0.3), "fill_mode": "constant"}, ((None, None, None, 1),)),
    )


class RandomTranslation(Geometric):
    """Shifts images by a random fraction of their size, in training only.

    ```yaml
    - RandomTranslation: {height_factor: 0.1, width_factor: [-0.2, 0.2]}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    projects = True
    moves_coordinates = True

    height_factor: Annotated[Factor, within(-1, 1)]
    width_factor: Annotated[Factor, within(-1, 1)]
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed | None = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"height_factor": 0.1, "width_factor": (-0.2, 0.3)}, ((None, 9, 8, 3),)),
    )


class RandomZoom(Geometric):
    """Enlarges (factors below 0) or shrinks (above 0) images at random, in training only.

    ```yaml
    - RandomZoom: 0.2
    - RandomZoom: {height_factor: [-0.3, -0.1], width_factor: null}  # keeps the aspect ratio
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    projects = True
    moves_coordinates = True

    height_factor: Annotated[Factor, within(-1, 1, above=True)]
    width_factor: Annotated[Factor, within(-1, 1, above=True)] | None = None
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed | None = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"height_factor": 0.1}, ((None, 9, 8, 3),)),
        Example({"height_factor": (-0.3, -0.1), "width_factor": 0.2}, ((None, 9, 8, 3),)),
    )


class RandomShear(Geometric):
    """Shears images at random, in training only.

    ```yaml
    - RandomShear: {x_factor: 0.2, y_factor: 0.2}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    projects = True
    moves_coordinates = True

    x_factor: Annotated[Factor, within(0, 1)] = 0.0
    y_factor: Annotated[Factor, within(0, 1)] = 0.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: Number = 0.0
    data_format: DataFormat = None
    seed: Seed | None = None


class RandomPerspective(Geometric):
    """Applies a random perspective transform to images, in training only.

    ```yaml
    - RandomPerspective: {factor: 0.5, scale: 0.3}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    projects = True

    factor: Strength = 1.0
    scale: Rate = 1.0
    interpolation: Interpolation = "bilinear"
    fill_value: Number = 0.0
    seed: Seed | None = None
    data_format: DataFormat = None

    def fails_in_training(self, made: Tensor) -> str | None:
        if 1 not in spatial(made.shape, self.data_format):
            return None
        return "moves the four corners of an image, which coincide if a side is 1 pixel"


class RandomElasticTransform(Geometric):
    """Applies a random elastic distortion to images, in training only.

    ```yaml
    - RandomElasticTransform: {factor: 0.5, scale: 0.5}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    no_kernel_in = ("float16",)
    one_in_batch = True

    factor: Strength = 1.0
    scale: Strength = 1.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"  # Keras accepts `mirror` too, but fails in training
    fill_value: Number = 0.0
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: DataFormat = None


class RandomErasing(Augmentation):
    """Replaces a random rectangle of each image with `fill_value`, or with noise if it is `null`;
    in training only.

    ```yaml
    - RandomErasing: {factor: 0.5, scale: [0.02, 0.2]}
    ```

    Takes images (batch, height, width, channels), gives the same shape. Source: Zhong et al. 2017,
    https://arxiv.org/abs/1708.04896.
    """

    no_kernel_in = ("float16",)

    factor: Strength = 1.0
    scale: Strength = (0.02, 0.33)
    fill_value: Number | None = None
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: DataFormat = None


class RandomCrop(SizedImageLayer):
    """Crops images at a random position, in training only; smaller images are enlarged.

    ```yaml
    - RandomCrop: {height: 28, width: 28}
    ```

    Takes (batch, any_height, any_width, channels), gives (batch, height, width, channels). Outside
    of training images pass through unchanged, so add a `CenterCrop` of the same size after it
    unless they already have that size.
    """

    training_only = True
    moves_coordinates = True

    seed: Seed | None = None
    data_format: DataFormat = None

    def for_class_numbers(self, border: float | None) -> "RandomCrop":
        return self  # `augment` keeps sizes: nothing is enlarged, so no value is interpolated

    def outside_training(self, given: Tensor, said: Tensor) -> Tensor:
        sizes = zip(given.shape, said.shape, strict=True)
        return said._replace(shape=tuple(known(one) or other for one, other in sizes))

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        for size in spatial(given.shape, self.data_format):  # a random position requires both
            needs(
                size,
                "a size of the images that `RandomCrop` crops inside a `Pipeline`",
                "set the input's spatial sizes to numbers, or crop outside of the `Pipeline`",
            )
        return self.cut(given, said)


class RandomResizedCrop(SizedImageLayer):
    """Crops a part of random size, aspect ratio and position from each image, and resizes it; in
    training only. In evaluation the whole image is resized.

    ```yaml
    - RandomResizedCrop: {height: 224, width: 224, scale: [0.3, 1]}
    ```

    Takes (batch, any_height, any_width, channels), gives (batch, height, width, channels), in
    evaluation too. The area of the part is a fraction of the image drawn from `scale`, its aspect
    ratio (width by height) is drawn from `ratio` on a logarithmic scale. If ten draws give no part
    that fits, the part is the largest one at the center with an aspect ratio in `ratio`. Keras has
    no such layer. Source: Szegedy et al. 2014, https://arxiv.org/abs/1409.4842.
    """

    keras_module = "modelspec"
    training_only = True
    moves_coordinates = True

    scale: Share = (0.08, 1.0)
    """The lowest and the highest fraction of the area of the image."""
    ratio: Ratio = (0.75, 4 / 3)
    """The lowest and the highest aspect ratio, width by height."""
    interpolation: Interpolation = "bilinear"
    seed: Seed | None = None
    data_format: DataFormat = None

    def for_class_numbers(self, border: float | None) -> "RandomResizedCrop":
        return self.model_copy(update={"interpolation": "nearest"})
