"""Convolutions of each channel separately: DepthwiseConv1D/2D, and SeparableConv1D/2D, which then
mix the channels.
"""

from typing import ClassVar

from modelspec.core.shapes import Size, Tensor, mul, plus, product

from .convolution import with_copied_input
from .layer import Example, Inputs, Layer, Weight
from .saved import Saved
from .setting_types import (
    Activation,
    Constraint,
    Count,
    DataFormat,
    Initializer,
    Regularizer,
    Window1D,
    Window2D,
)
from .windows import Padding, channel_axis, input_channels, numbers, slide, spatial, with_channels


def _dtypes_without_kernel(strides: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[str, ...]:
    """Only oneDNN has a kernel for strides that differ between the axes; TensorFlow computes
    dilated kernels in another way.
    """
    unequal = len(set(strides)) > 1 and max(dilation) == 1
    return ("float16", "float64") if unequal else ()


class DepthwiseConvolution(Layer):
    """Base of DepthwiseConv1D and DepthwiseConv2D."""

    takes = "floats"
    mixes_dtypes = False
    no_kernel_because = "strides"
    channel_bias = True
    axes: ClassVar[int]

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"
    depth_multiplier: Count = 1
    data_format: DataFormat = None
    dilation_rate: tuple[int, ...]
    activation: Activation | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    depthwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    @property
    def no_kernel_in(self) -> tuple[str, ...]:  # type: ignore[override]  # the settings decide
        return _dtypes_without_kernel(self.strides, self.dilation_rate)

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        channels = mul(input_channels(x, self.data_format), self.depth_multiplier)
        given = spatial(x.shape, self.data_format)
        sizes = slide(given, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return self.result(with_channels(x.shape[0], sizes, channels, self.data_format))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        channels = inputs.one.shape[channel_axis(self.data_format)]
        kernel = self.weight("kernel", *self.kernel_size, channels, self.depth_multiplier)
        if not self.use_bias:
            return (kernel,)
        return (kernel, self.weight("bias", mul(channels, self.depth_multiplier)))

    def multiply_adds(self, inputs: Inputs) -> Size:
        kernel = self.weights(inputs)[0]
        return product((*spatial(self.output(inputs).shape, self.data_format), *kernel.shape))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        saved = super().saved(inputs, made)
        return with_copied_input(self, saved, self.like(inputs.one))


class DepthwiseConv1D(DepthwiseConvolution):
    """A 1D convolution that applies separate kernels to each input channel.

    ```yaml
    - DepthwiseConv1D: {kernel_size: 5, depth_multiplier: 2}
    ```

    Takes (batch, steps, channels), gives (batch, new_steps, channels * depth_multiplier).
    """

    steps = "resized"
    axes: ClassVar[int] = 1

    kernel_size: Window1D
    strides: Window1D = (1,)
    dilation_rate: Window1D = (1,)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 3}, ((None, 9, 4),)),
        Example(
            {"kernel_size": 3, "depth_multiplier": 2, "strides": 2, "padding": "same"},
            ((None, None, 4),),
        ),
    )


class DepthwiseConv2D(DepthwiseConvolution):
    """A 2D convolution that applies separate kernels to each input channel.

    ```yaml
    - DepthwiseConv2D: {kernel_size: 3, padding: same, use_bias: false}
    ```

    Takes (batch, height, width, channels), gives (batch, new_height, new_width, channels *
    depth_multiplier).
    """

    axes: ClassVar[int] = 2

    kernel_size: Window2D
    strides: Window2D = (1, 1)
    dilation_rate: Window2D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 3}, ((None, 9, 8, 4),)),
        Example(
            {"kernel_size": (3, 2), "depth_multiplier": 2, "strides": 2, "padding": "same"},
            ((None, None, 8, 4),),
        ),
        Example({"kernel_size": 3, "dilation_rate": 2}, ((None, 9, 8, 4),)),
    )


class SeparableConvolution(Layer):
    """Base of SeparableConv1D and SeparableConv2D."""

    takes = "floats"
    mixes_dtypes = False
    no_kernel_because = "strides"
    channel_bias = True
    axes: ClassVar[int]

    filters: Count
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: tuple[int, ...]
    depth_multiplier: Count = 1
    activation: Activation | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer = "glorot_uniform"
    pointwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Regularizer | None = None
    pointwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    depthwise_constraint: Constraint | None = None
    pointwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    @property
    def no_kernel_in(self) -> tuple[str, ...]:  # type: ignore[override]  # the settings decide
        return _dtypes_without_kernel(self.strides, self.dilation_rate)

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        input_channels(x, self.data_format)
        given = spatial(x.shape, self.data_format)
        sizes = slide(given, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return self.result(with_channels(x.shape[0], sizes, self.filters, self.data_format))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        channels = inputs.one.shape[channel_axis(self.data_format)]
        mixed = mul(channels, self.depth_multiplier)
        kernels = (
            self.weight("depthwise_kernel", *self.kernel_size, channels, self.depth_multiplier),
            self.weight("pointwise_kernel", *(1,) * self.axes, mixed, self.filters),
        )
        return (*kernels, self.weight("bias", self.filters)) if self.use_bias else kernels

    def multiply_adds(self, inputs: Inputs) -> Size:
        depthwise, pointwise, *_ = self.weights(inputs)
        places = spatial(self.output(inputs).shape, self.data_format)
        return plus(product((*places, *depthwise.shape)), product((*places, *pointwise.shape)))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        mixed = self.weights(inputs)[1].shape[-2]
        places = spatial(made[0].shape, self.data_format)
        shape = with_channels(made[0].shape[0], places, mixed, self.data_format)
        saved = super().saved(inputs, made)._replace(own_for_weights=(self.result(shape),))
        return with_copied_input(self, saved, self.like(inputs.one))


class SeparableConv1D(SeparableConvolution):
    """A 1D depthwise convolution, then a pointwise convolution that mixes the channels: cheaper
    than Conv1D.

    ```yaml
    - SeparableConv1D: {filters: 64, kernel_size: 5, activation: relu}
    ```

    Takes (batch, steps, channels), gives (batch, new_steps, filters).
    """

    steps = "resized"
    axes: ClassVar[int] = 1

    kernel_size: Window1D
    strides: Window1D = (1,)
    dilation_rate: Window1D = (1,)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 5, "kernel_size": 3}, ((None, 9, 4),)),
        Example(
            {"filters": 5, "kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
            ((None, None, 4),),
        ),
    )


class SeparableConv2D(SeparableConvolution):
    """A 2D depthwise convolution, then a pointwise convolution that mixes the channels: cheaper
    than Conv2D.

    ```yaml
    - SeparableConv2D: {filters: 64, kernel_size: 3, padding: same, activation: relu}
    ```

    Takes (batch, height, width, channels), gives (batch, new_height, new_width, filters).
    """

    axes: ClassVar[int] = 2

    kernel_size: Window2D
    strides: Window2D = (1, 1)
    dilation_rate: Window2D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 5, "kernel_size": 3}, ((None, 9, 8, 4),)),
        Example(
            {"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same"}, ((None, None, 8, 4),)
        ),
        Example(
            {"filters": 5, "kernel_size": 3, "depth_multiplier": 2, "dilation_rate": 2},
            ((None, 9, 8, 4),),
        ),
    )
