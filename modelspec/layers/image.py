"""Image preprocessing without chance: Rescaling, Resizing."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import model_validator

from ..diagnostics import Fault
from ..shapes import Tensor, may_equal, show
from .base import Argument, Example, Inputs, Layer
from .types import Count, DataFormat, Number, either
from .windows import numbers, with_spatial

Interpolation = Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"]
"""How the pixels between pixels are found when an image is resized."""


PerChannel = Annotated[Any, either(float)]
"""A number, or one for each entry of the last axis."""


class Rescaling(Layer):
    """Multiplies by `scale` and adds `offset`: brings pixels from 0..255 to 0..1 or -1..1.

    ```yaml
    - Rescaling: $(1 / 255)
    - Rescaling: {scale: 0.00784313725, offset: -1}
    ```

    Takes any shape, gives the same shape.
    """

    scale: PerChannel
    offset: PerChannel = 0.0

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"scale": 0.1, "offset": -1}, ((None, 5, 4, 3),)),
        Example({"scale": (0.1, 0.2, 0.3)}, ((None, 5, 4, 3),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        for setting, value in (("scale", self.scale), ("offset", self.offset)):
            # Keras takes the shape as it is and fails, or makes more channels, once data arrives.
            if isinstance(value, tuple) and len(value) > 1 and not may_equal(x.shape[-1], len(value)):
                raise Fault("MS403", f"{len(value)} values of `{setting}` do not match the last axis of {show(x.shape)}",
                            (setting,), help="give one number, or one for each entry of the last axis")
        return self.result(x.shape)


class Resizing(Layer):
    """Brings images to a size.

    ```yaml
    - Resizing: {height: 64, width: 64, crop_to_aspect_ratio: true}
    ```

    Takes (batch, any_height, any_width, channels), gives (batch, height, width, channels).
    """

    height: Count
    width: Count
    interpolation: Interpolation = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Literal["constant"] = "constant"
    fill_value: Number = 0.0
    antialias: bool = False
    data_format: DataFormat = None

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("data"),)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"height": 6, "width": 5}, ((None, 9, 8, 3),)),
        Example({"height": 6, "width": 5, "crop_to_aspect_ratio": True}, ((None, None, None, 3),)),
        Example({"height": 6, "width": 5, "data_format": "channels_first"}, ((None, 3, 9, 8),)),
    )

    @model_validator(mode="after")
    def _one_way_to_keep_the_ratio(self) -> Self:
        # Keras says so only when the layer meets data.
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise Fault("MS208", "`crop_to_aspect_ratio` and `pad_to_aspect_ratio` exclude each other",
                        ("pad_to_aspect_ratio",), help="leave one of them out")
        return self

    def output(self, inputs: Inputs) -> Tensor:
        # Keras also takes three axes, one image without a batch axis, which no call in a model has.
        x = numbers(self, inputs, 4)
        return self.result(with_spatial(x.shape, (self.height, self.width), self.data_format))
