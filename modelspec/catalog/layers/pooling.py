"""Pooling over windows: MaxPooling and AveragePooling."""

from typing import ClassVar

from modelspec.core.shapes import Tensor

from .layer import Example, Inputs, Layer
from .saved import Saved
from .setting_types import DataFormat, Window1D, Window2D, Window3D
from .windows import Padding, numbers, slide, spatial, with_spatial


class Pooling(Layer):
    """Base of pooling over windows. `strides` is `pool_size` by default."""

    prepares_data = True
    axes: ClassVar[int]

    pool_size: tuple[int, ...]
    strides: tuple[int, ...] | None = None
    padding: Padding = "valid"
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        strides = self.strides or self.pool_size
        given = spatial(x.shape, self.data_format)
        sizes = slide(
            given, self.pool_size, strides, self.padding, setting="pool_size", word="pool"
        )
        return self.result(with_spatial(x.shape, sizes, self.data_format))

    def saved_by_max(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        """The saved tensors of max pooling; channels that come first are moved to the end, which
        makes copies.
        """
        if self.data_format == "channels_first":
            return Saved(own=(self.like(inputs.one), made[0]))
        return Saved(inputs=True, outputs=True)


class Pooling1D(Pooling):
    """Pooling along one axis."""

    axes: ClassVar[int] = 1
    strides: Window1D | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"pool_size": 2}, ((None, 9, 4),)),
        Example({"pool_size": 3, "strides": 2, "padding": "same"}, ((None, None, 4),)),
        Example({"pool_size": 2, "data_format": "channels_first"}, ((None, 4, 9),)),
    )


class Pooling2D(Pooling):
    """Pooling along two axes."""

    axes: ClassVar[int] = 2
    strides: Window2D | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"pool_size": 2}, ((None, 9, 8, 4),)),
        Example({"pool_size": (3, 2), "strides": 2, "padding": "same"}, ((None, None, 8, 4),)),
        Example({"pool_size": 2, "data_format": "channels_first"}, ((None, 4, 9, 8),)),
    )


class Pooling3D(Pooling):
    """Pooling along three axes."""

    no_kernel_in = ("float64",)
    gpu_kernel_in = ("float16",)
    axes: ClassVar[int] = 3
    strides: Window3D | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"pool_size": 2}, ((None, 4, 5, 6, 2),)),
        Example(
            {"pool_size": (3, 2, 2), "strides": 2, "padding": "same"}, ((None, 4, None, 6, 2),)
        ),
        Example({"pool_size": 2, "data_format": "channels_first"}, ((None, 2, 4, 5, 6),)),
    )


class MaxPooling1D(Pooling1D):
    """The maximum of each window along one axis.

    ```yaml
    - MaxPooling1D: 2
    ```

    Takes (batch, steps, channels), gives (batch, new_steps, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"
    steps = "resized"

    pool_size: Window1D = (2,)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.saved_by_max(inputs, made)


class MaxPooling2D(Pooling2D):
    """The maximum of each window of an image, for each channel.

    ```yaml
    - MaxPooling2D: 2
    - MaxPooling2D: {pool_size: 3, strides: 2, padding: same}
    ```

    Takes (batch, height, width, channels), gives (batch, new_height, new_width, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"

    pool_size: Window2D = (2, 2)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.saved_by_max(inputs, made)


class MaxPooling3D(Pooling3D):
    """The maximum of each window of a volume, for each channel.

    ```yaml
    - MaxPooling3D: 2
    ```

    Takes (batch, depth, height, width, channels), gives (batch, new_depth, new_height, new_width,
    channels).
    """

    takes = "floats"

    pool_size: Window3D = (2, 2, 2)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.saved_by_max(inputs, made)


class AveragePooling1D(Pooling1D):
    """The mean of each window along one axis.

    ```yaml
    - AveragePooling1D: 2
    ```

    Takes (batch, steps, channels), gives (batch, new_steps, channels).
    """

    takes = "floats"
    steps = "resized"

    pool_size: Window1D


class AveragePooling2D(Pooling2D):
    """The mean of each window of an image, for each channel.

    ```yaml
    - AveragePooling2D: 2
    ```

    Takes (batch, height, width, channels), gives (batch, new_height, new_width, channels).
    """

    takes = "floats"

    pool_size: Window2D


class AveragePooling3D(Pooling3D):
    """The mean of each window of a volume, for each channel.

    ```yaml
    - AveragePooling3D: 2
    ```

    Takes (batch, depth, height, width, channels), gives (batch, new_depth, new_height, new_width,
    channels).
    """

    takes = "floats"

    pool_size: Window3D
