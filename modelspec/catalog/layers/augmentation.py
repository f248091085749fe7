"""Geometric augmentation: flips, rotations, shifts, distortions, crops and erased patches, in
training only.
"""

from typing import Annotated, ClassVar, Literal

from modelspec.core.shapes import Tensor, known, needs

from .factors import Factor, SignedStrength, Strength, ValueRange, within
from .image import Augmentation, Geometric, SizedImageLayer
from .layer import Example
from .setting_types import DataFormat, Number, Rate, Seed
from .windows import spatial

FillMode = Literal["reflect", "wrap", "constant", "nearest"]
"""How points outside the image are filled: by reflection, wrapping, `fill_value` or the edge."""
Interpolation = Literal["nearest", "bilinear"]
"""How values between pixels are computed."""


class RandomFlip(Geometric):
    """Flips images at random, in training only.

    ```yaml
    - RandomFlip: horizontal
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

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
    fill_mode: Literal["reflect", "wrap", "constant", "nearest", "mirror"] = "reflect"
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
