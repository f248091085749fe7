"""Deterministic image preprocessing: sizes, scales, contrast."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import PENDING, Tensor, known, may_equal, show

from .factors import Factor, ValueRange, within
from .facts import Affine
from .layer import Argument, Example, Inputs, Layer
from .resizing_gradient import setting_without_gradient
from .saved import Saved
from .setting_types import Count, DataFormat, Number, Seed, Window2D, either
from .windows import channel_axis, numbers, spatial, with_spatial

PerChannel = Annotated[Any, either(float)]
"""A number, or one for each entry of the last axis."""
_EXACT = 2**24
"""The largest integer up to which float32 represents every integer exactly."""


class Rescaling(Layer):
    """Multiplies by `scale` and adds `offset`, e.g. to scale pixels from 0..255 to 0..1 or -1..1.

    ```yaml
    - Rescaling: $(1 / 255)
    - Rescaling: {scale: 0.00784313725, offset: -1}
    ```

    Takes any shape, gives the same shape.
    """

    supports_masking = True
    prepares_data = True

    scale: PerChannel
    offset: PerChannel = 0.0

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"scale": 0.1, "offset": -1}, ((None, 5, 4, 3),)),
        Example({"scale": (0.1, 0.2, 0.3)}, ((None, 5, 4, 3),)),
    )

    def affine(self) -> Affine:
        return Affine(self.scale, self.offset)

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        counts = (len(each) for each in (self.scale, self.offset) if isinstance(each, tuple))
        channels = max(counts, default=1)
        if channels == 1 or said.shape[-1] is not None:
            return said
        return said._replace(shape=(*said.shape[:-1], channels))

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        for setting, value in (("scale", self.scale), ("offset", self.offset)):
            # Keras accepts the shape and fails, or adds channels, when data arrives.
            if (
                isinstance(value, tuple)
                and len(value) > 1
                and not may_equal(x.shape[-1], len(value))
            ):
                raise Fault(
                    "MS403",
                    f"{len(value)} values of `{setting}` do not match the last axis of"
                    f" {show(x.shape)}",
                    (setting,),
                    help="give one number, or one for each entry of the last axis",
                )
        lengths = [
            len(value) if isinstance(value, tuple) else 1 for value in (self.scale, self.offset)
        ]
        if min(lengths) > 1 and lengths[0] != lengths[1]:
            raise Fault(
                "MS403",
                f"{lengths[0]} values of `scale` and {lengths[1]} of `offset` cannot match the same"
                " last axis",
                ("offset",),
                help="give one number, or one for each entry of the last axis",
            )
        return self.result(x.shape)


class ImageLayer(Layer):
    """Base of layers that take a batch of images and give images of the same size."""

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("data"),)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 9, 8, 3),)),
        Example({}, ((None, None, None, 3),)),
    )

    def images(self, inputs: Inputs) -> Tensor:
        """The images of the call. Keras also accepts an image without a batch axis, which never
        occurs in a model.
        """
        x = numbers(self, inputs, 4)
        allowed = self.channels()
        count = known(x.shape[channel_axis(getattr(self, "data_format", None))])
        if allowed and count is not None and count not in allowed:
            # Keras's color layers raise only when data arrives, some only for certain batches.
            wanted = " or ".join(str(each) for each in allowed)
            raise Fault(
                "MS403",
                f"`{self.kind()}` takes images with {wanted} channels, found {count}:"
                f" {show(x.shape)}",
                help="pass color images with 3 channels, or remove the layer",
            )
        return x

    def channels(self) -> tuple[int, ...]:
        """The numbers of channels that the layer takes; empty for any."""
        return ()

    def output(self, inputs: Inputs) -> Tensor:
        return self.result(self.images(inputs).shape)


class Augmentation(ImageLayer):
    """Base of layers that augment images in training."""

    training_only = True
    moves_values = False
    projects: ClassVar[bool] = False
    """Whether it moves values by a projective transform, whose gradient TensorFlow does not compute
    in bfloat16.
    """

    def without_gradient(self, x: Tensor, made: Tensor) -> str | None:
        return "dtype" if self.projects and self.compute_dtype == "bfloat16" else None


class Geometric(Augmentation):
    """Base of layers that move the values of images to other positions."""

    moves_values = True

    def for_class_numbers(self, border: float | None) -> "Geometric":
        fields = type(self).model_fields
        changed: dict[str, Any] = {}
        if "interpolation" in fields:
            changed["interpolation"] = "nearest"
        if "value_range" in fields:  # to which values are cut
            changed["value_range"] = (-_EXACT, _EXACT)
        if border is not None and "fill_value" in fields:
            changed["fill_value"] = border
            if "fill_mode" in fields:
                changed["fill_mode"] = "constant"
        return self.model_copy(update=changed)

    def border(self) -> float | None:
        if getattr(self, "fill_mode", "constant") != "constant":
            return None
        value: float | None = getattr(self, "fill_value", None)
        return value


class SizedImageLayer(ImageLayer):
    """Base of layers that give images of a fixed size."""

    height: Count
    width: Count

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"height": 6, "width": 5}, ((None, 9, 8, 3),)),
        Example({"height": 6, "width": 5}, ((None, None, None, 1),)),
        Example({"height": 6, "width": 5, "data_format": "channels_first"}, ((None, 3, 9, 8),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        return self.result(
            with_spatial(self.images(inputs).shape, (self.height, self.width), self._format)
        )

    def cut(self, given: Tensor, said: Tensor) -> Tensor:
        """The result of a crop in a `Pipeline`, which is unknown for an unknown size."""
        sizes = spatial(given.shape, self._format)
        if all(isinstance(size, int) or size == PENDING for size in sizes):
            return said
        return said._replace(shape=with_spatial(said.shape, (None, None), self._format))

    @property
    def _format(self) -> str | None:
        # Each subclass declares the setting, in Keras's order.
        data_format: str | None = getattr(self, "data_format", None)
        return data_format


class Resizing(SizedImageLayer):
    """Resizes images.

    ```yaml
    - Resizing: {height: 64, width: 64, crop_to_aspect_ratio: true}
    ```

    Takes (batch, any_height, any_width, channels), gives (batch, height, width, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"
    prepares_data = True

    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"] = (
        "bilinear"
    )
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Literal["constant"] = "constant"
    fill_value: Number = 0.0
    antialias: bool = False
    data_format: DataFormat = None

    @model_validator(mode="after")
    def _one_way_to_keep_the_ratio(self) -> Self:
        # Keras raises only when data arrives.
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            refuse(
                "`crop_to_aspect_ratio` and `pad_to_aspect_ratio` exclude each other",
                "MS208",
                "pad_to_aspect_ratio",
                help="leave one of them out",
            )
        return self

    def without_gradient(self, x: Tensor, made: Tensor) -> str | None:
        if x.shape == made.shape:
            return None
        return setting_without_gradient(
            self.interpolation, self.compute_dtype, antialias=self.antialias
        )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=self.interpolation != "nearest")


class CenterCrop(SizedImageLayer):
    """Crops the center of images; smaller images are enlarged first.

    ```yaml
    - CenterCrop: {height: 224, width: 224}
    ```

    Takes (batch, any_height, any_width, channels), gives (batch, height, width, channels).
    """

    prepares_data = True

    data_format: DataFormat = None

    def traced(self, given: Tensor, said: Tensor) -> Tensor:
        return self.cut(given, said)


class AutoContrast(ImageLayer):
    """Stretches the values of each image to the full value range.

    ```yaml
    - AutoContrast: {value_range: [0, 1]}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    prepares_data = True

    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None


class Equalization(ImageLayer):
    """Equalizes the histogram of each channel, with `bins` bins.

    ```yaml
    - Equalization: {value_range: [0, 1]}
    ```

    Takes images (batch, height, width, channels), gives the same shape and dtype. It prepares data;
    a model cannot contain it.
    """

    prepares_data = True

    # Called on a symbolic tensor it returns the same tensor, so Keras finds a cycle in every model
    # that contains it.
    not_in_models: ClassVar[str | None] = "Keras cannot build a model that contains it"

    value_range: ValueRange = (0, 255)
    bins: Count = 256
    data_format: DataFormat = None

    @property
    def one_at_a_time(self) -> bool:
        return True  # the histogram is computed over the whole batch

    def output(self, inputs: Inputs) -> Tensor:
        return self.like(self.images(inputs))


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalizes the histogram of each tile of an image, with a limit on noise amplification
    (CLAHE).

    ```yaml
    - ContrastLimitedAdaptiveHistogramEqualization: {clip_limit: 2.0, tile_grid_size: [4, 4]}
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    keeps_dtype = True
    prepares_data = True

    value_range: ValueRange = (0, 255)
    clip_limit: Number = 4.0
    tile_grid_size: Window2D = (8, 8)
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        """Images whose size the tiles do not divide are mirrored at their end, once."""
        result = super().output(inputs)
        sizes = spatial(result.shape, self.data_format)
        for size, tiles in zip(sizes, self.tile_grid_size, strict=True):
            found = known(size)
            if found is not None and -(-found // tiles) * tiles > 2 * found:
                raise Fault(
                    "MS402",
                    f"{tiles} tiles are too many for images of {found}: {show(result.shape)}",
                    ("tile_grid_size",),
                    help="use a smaller `tile_grid_size`, or resize the images first",
                )
        return result


class Solarization(Augmentation):
    """Inverts the values above a threshold, after adding a number; both are drawn for each image.

    ```yaml
    - Solarization: {threshold_factor: 0.3}
    ```

    Takes images (batch, height, width, channels), gives the same shape. A single number `x` means
    `[0, x]`.
    """

    addition_factor: Annotated[Factor, within(0, 1)] = 0.0
    threshold_factor: Annotated[Factor, within(0, 1)] = 0.0
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: DataFormat = None


class MaxNumBoundingBoxes(ImageLayer):
    """Pads or truncates the bounding boxes of each image to a fixed number; images pass through
    unchanged.

    ```yaml
    - MaxNumBoundingBoxes: 10
    ```

    Takes images (batch, height, width, channels), gives the same shape.
    """

    keeps_dtype = True

    max_number: Count
    fill_value: int = -1
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (Example({"max_number": 3}, ((None, 9, 8, 3),)),)
