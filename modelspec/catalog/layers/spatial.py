"""Layers that upsample or crop the spatial axes: UpSampling and Cropping, each 1D to 3D."""

from typing import Annotated, ClassVar, Literal

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, mul

from .facts import Takes
from .layer import Example, Inputs, Layer
from .padding import Sides, grow, sides
from .resizing_gradient import setting_without_gradient
from .saved import Saved
from .setting_types import Count, DataFormat, Window2D, Window3D, window
from .windows import all_positive, numbers, spatial, times, with_spatial

Sides1D = Annotated[tuple[int, ...], window(2, "before, after", least=0)]
"""Before and after the spatial axis: `1` or `[1, 2]`."""
Sides2D = Annotated[Sides, sides(2, "height, width")]
Sides3D = Annotated[Sides, sides(3, "depth, height, width")]


# Upsampling -------------------------------------------------------------------------------------


class UpSampling1D(Layer):
    """Repeats every step `size` times.

    ```yaml
    - UpSampling1D: 2
    ```

    Takes (batch, steps, channels), gives (batch, steps * size, channels).
    """

    keeps_dtype = True
    steps = "resized"
    prepares_data = True

    size: Count = 2

    examples: ClassVar[tuple[Example, ...]] = (Example({"size": 3}, ((None, 5, 3),)),)

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, 3)
        return self.result((x.shape[0], mul(x.shape[1], self.size), x.shape[2]))


class UpSampling(Layer):
    """Base of UpSampling2D and UpSampling3D."""

    keeps_dtype = True
    prepares_data = True
    axes: ClassVar[int]

    size: tuple[int, ...]
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        given = spatial(x.shape, self.data_format)
        sizes = tuple(mul(size, factor) for size, factor in zip(given, self.size, strict=True))
        return self.result(with_spatial(x.shape, sizes, self.data_format))


class UpSampling2D(UpSampling):
    """Upsamples images by integer factors, by repeating or interpolating pixels.

    ```yaml
    - UpSampling2D: 2
    - UpSampling2D: {size: [2, 3], interpolation: bilinear}
    ```

    Takes (batch, height, width, channels), gives (batch, height * size, width * size, channels).
    """

    axes: ClassVar[int] = 2

    size: Window2D = (2, 2)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area"] = (
        "nearest"
    )

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"size": (2, 3)}, ((None, 5, 4, 3),)),
        Example(
            {"interpolation": "bilinear", "data_format": "channels_first"}, ((None, 3, None, 4),)
        ),
    )

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        return "any" if self.interpolation == "nearest" else "numbers"

    def without_gradient(self, x: Tensor, made: Tensor) -> str | None:
        if x.shape == made.shape:
            return None
        return setting_without_gradient(self.interpolation, self.compute_dtype)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=self.interpolation != "nearest")


class UpSampling3D(UpSampling):
    """Upsamples volumes by integer factors, by repeating values along the three axes.

    ```yaml
    - UpSampling3D: 2
    ```

    Takes (batch, depth, height, width, channels), gives the same with each spatial axis `size`
    times as long.
    """

    axes: ClassVar[int] = 3

    size: Window3D = (2, 2, 2)

    examples: ClassVar[tuple[Example, ...]] = (Example({"size": (2, 3, 1)}, ((None, 3, 4, 5, 2),)),)


# Cropping ---------------------------------------------------------------------------------------


def cut(given: Shape, cropping: Sides) -> Shape:
    """The sizes after cropping both sides. Raises MS402 if nothing remains."""
    sizes = grow(given, tuple((-before, -after) for before, after in cropping))
    if not all_positive(sizes):
        raise Fault(
            "MS402",
            f"cropping {times([sum(pair) for pair in cropping])} leaves nothing of the"
            f" {times(given)} input",
            ("cropping",),
            help="use a cropping smaller than the input along each axis",
        )
    return sizes


class Cropping1D(Layer):
    """Removes steps from both ends of a sequence.

    ```yaml
    - Cropping1D: [0, 1]
    ```

    Takes (batch, steps, channels), gives (batch, steps - cropping, channels).
    """

    keeps_dtype = True
    steps = "resized"
    keeps_values = "some"
    prepares_data = True

    cropping: Sides1D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (Example({"cropping": (1, 2)}, ((None, 6, 3),)),)

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, 3)
        before, after = self.cropping
        return self.result((x.shape[0], *cut((x.shape[1],), ((before, after),)), x.shape[2]))


class Cropping(Layer):
    """Base of Cropping2D and Cropping3D."""

    keeps_dtype = True
    keeps_values = "some"
    prepares_data = True
    axes: ClassVar[int]

    cropping: Sides
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        sizes = cut(spatial(x.shape, self.data_format), self.cropping)
        return self.result(with_spatial(x.shape, sizes, self.data_format))


class Cropping2D(Cropping):
    """Removes rows and columns from the edges of images.

    ```yaml
    - Cropping2D: [[1, 0], [2, 2]]     # [top, bottom], [left, right]
    ```

    Takes (batch, height, width, channels), gives (batch, cut_height, cut_width, channels).
    """

    axes: ClassVar[int] = 2

    cropping: Sides2D = ((0, 0), (0, 0))

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"cropping": ((1, 2), (0, 1))}, ((None, 6, 5, 3),)),
        Example({"cropping": (1, 2), "data_format": "channels_first"}, ((None, 3, None, 6),)),
    )


class Cropping3D(Cropping):
    """Removes values from the edges of volumes.

    ```yaml
    - Cropping3D: 1
    ```

    Takes (batch, depth, height, width, channels), gives the same with each spatial axis reduced by
    its cropping.
    """

    axes: ClassVar[int] = 3

    cropping: Sides3D = ((1, 1), (1, 1), (1, 1))

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"cropping": ((1, 2), (0, 1), (1, 1))}, ((None, 5, 4, 5, 2),)),
        Example({"cropping": (1, 1, 0)}, ((None, 5, None, 5, 2),)),
    )
