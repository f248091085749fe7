"""Pooling: MaxPooling and AveragePooling over windows, GlobalMaxPooling and GlobalAveragePooling
over all positions.
"""

from typing import ClassVar

from modelspec.core.shapes import Shape, Tensor

from .layer import Argument, Example, Inputs, Layer
from .mask_arguments import need_mask
from .saved import Saved
from .setting_types import DataFormat, Window1D, Window2D, Window3D
from .windows import Padding, channel_axis, numbers, slide, spatial, with_channels, with_spatial


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


class GlobalPooling(Layer):
    """Base of pooling over all spatial positions."""

    prepares_data = True
    axes: ClassVar[int]

    data_format: DataFormat = None
    keepdims: bool = False

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        sizes: Shape = (1,) * self.axes if self.keepdims else ()
        return self.result(
            with_channels(
                x.shape[0], sizes, x.shape[channel_axis(self.data_format)], self.data_format
            )
        )


class GlobalPooling1D(GlobalPooling):
    """Global pooling along one axis."""

    axes: ClassVar[int] = 1
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 9, 4),)),
        Example({"keepdims": True, "data_format": "channels_first"}, ((None, 4, None),)),
    )


class GlobalPooling2D(GlobalPooling):
    """Global pooling along two axes."""

    axes: ClassVar[int] = 2
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 9, 8, 4),)),
        Example({"keepdims": True, "data_format": "channels_first"}, ((None, 4, None, 8),)),
    )


class GlobalPooling3D(GlobalPooling):
    """Global pooling along three axes."""

    axes: ClassVar[int] = 3
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5, 6, 2),)),
        Example({"keepdims": True, "data_format": "channels_first"}, ((None, 2, None, 5, 6),)),
    )


class GlobalMaxPooling1D(GlobalPooling1D):
    """The maximum of each channel along a sequence.

    ```yaml
    - GlobalMaxPooling1D
    ```

    Takes (batch, steps, channels), gives (batch, channels); with `keepdims: true`, (batch, 1,
    channels).
    """

    keeps_dtype = True

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=True, outputs=True)


class GlobalMaxPooling2D(GlobalPooling2D):
    """The maximum of each channel of an image.

    ```yaml
    - GlobalMaxPooling2D
    ```

    Takes (batch, height, width, channels), gives (batch, channels).
    """

    keeps_dtype = True

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=True, outputs=True)


class GlobalMaxPooling3D(GlobalPooling3D):
    """The maximum of each channel of a volume.

    ```yaml
    - GlobalMaxPooling3D
    ```

    Takes (batch, depth, height, width, channels), gives (batch, channels).
    """

    keeps_dtype = True

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=True, outputs=True)


class GlobalAveragePooling1D(GlobalPooling1D):
    """The mean of each channel along a sequence; steps with a `mask` of false are ignored.

    ```yaml
    - GlobalAveragePooling1D
    ```

    Takes (batch, steps, channels) and a mask (batch, steps) if there is one, gives (batch,
    channels).
    """

    supports_masking = True
    uses_mask_of = ("inputs",)
    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("inputs"),
        Argument("mask", required=False),
    )
    examples: ClassVar[tuple[Example, ...]] = (
        *GlobalPooling1D.examples,
        Example({}, {"inputs": (None, 9, 4), "mask": (None, 9)}),
    )

    def mask_rank(self, rank: int) -> int | None:
        return 2

    def output(self, inputs: Inputs) -> Tensor:
        result = super().output(inputs)
        mask = inputs.tensor("mask")
        if mask is not None:
            x = inputs.one
            need_mask(mask, (x.shape[0], *spatial(x.shape, self.data_format)))
        return result

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        mask = inputs.tensor("mask")
        return Saved() if mask is None else Saved(own=(mask, self.result((mask.shape[0], 1))))


class GlobalAveragePooling2D(GlobalPooling2D):
    """The mean of each channel of an image.

    ```yaml
    - GlobalAveragePooling2D
    ```

    Takes (batch, height, width, channels), gives (batch, channels); with `keepdims: true`, (batch,
    1, 1, channels).
    """


class GlobalAveragePooling3D(GlobalPooling3D):
    """The mean of each channel of a volume.

    ```yaml
    - GlobalAveragePooling3D
    ```

    Takes (batch, depth, height, width, channels), gives (batch, channels).
    """
