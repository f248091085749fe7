"""Transposed convolutions: Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

from typing import Annotated, ClassVar, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor, product, transposed

from .convolution import refuse_dilated_strides
from .layer import Example, Inputs, Layer, Weight
from .setting_types import (
    Activation,
    Constraint,
    Count,
    DataFormat,
    Initializer,
    Regularizer,
    Window1D,
    Window2D,
    Window3D,
    window,
)
from .windows import (
    Padding,
    all_positive,
    channel_axis,
    input_channels,
    numbers,
    spatial,
    times,
    with_channels,
)


class TransposedConvolution(Layer):
    """Base of Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

    channels_last_on_cpu = True
    takes = "floats"
    mixes_dtypes = False
    channel_bias = True
    axes: ClassVar[int]

    filters: Count
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"
    output_padding: tuple[int, ...] | None = None
    data_format: DataFormat = None
    dilation_rate: tuple[int, ...]
    activation: Activation | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    @property
    def one_dnn_because(self) -> str | None:
        """TensorFlow's own kernels for a CPU support no dilated windows."""
        dilated = any(rate > 1 for rate in self.dilation_rate)
        return super().one_dnn_because or ("dilation_rate" if dilated else None)

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        refuse_dilated_strides(self.strides, self.dilation_rate)
        extra = self.output_padding
        if extra is not None and any(
            e >= stride for e, stride in zip(extra, self.strides, strict=True)
        ):
            refuse(
                f"output_padding {times(extra)} must be less than strides {times(self.strides)}"
                " along each axis",
                "MS208",
                "output_padding",
                help="use a smaller `output_padding` or larger `strides`",
            )
        return self

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        input_channels(x, self.data_format)
        given = spatial(x.shape, self.data_format)
        extra = self.output_padding or (None,) * self.axes
        axes = zip(given, self.kernel_size, self.strides, self.dilation_rate, extra, strict=True)
        sizes = tuple(
            transposed(size, k, stride, self.padding, d, more) for size, k, stride, d, more in axes
        )
        if not all_positive(sizes):
            # Keras computes such a shape and fails when data arrives.
            raise Fault(
                "MS402",
                f"kernel {times(self.kernel_size)} leaves nothing of its {times(given)} input: "
                f"the result would be {times(sizes)}",
                ("output_padding",),
                help="leave out `output_padding` or use `padding: valid`",
            )
        return self.result(with_channels(x.shape[0], sizes, self.filters, self.data_format))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        channels = inputs.one.shape[channel_axis(self.data_format)]
        kernel = self.weight("kernel", *self.kernel_size, self.filters, channels)
        return (kernel, self.weight("bias", self.filters)) if self.use_bias else (kernel,)

    def multiply_adds(self, inputs: Inputs) -> Size:
        """Every element of the input is multiplied with the whole kernel."""
        kernel = self.weights(inputs)[0]
        return product((*spatial(inputs.one.shape, self.data_format), *kernel.shape))


class Conv1DTranspose(TransposedConvolution):
    """A 1D transposed convolution, which upsamples a sequence.

    ```yaml
    - Conv1DTranspose: {filters: 16, kernel_size: 4, strides: 2, padding: same}
    ```

    Takes (batch, steps, channels), gives (batch, new_steps, filters); with `padding: same`,
    `strides` times as many steps.
    """

    steps = "resized"
    axes: ClassVar[int] = 1

    kernel_size: Window1D
    strides: Window1D = (1,)
    output_padding: Annotated[tuple[int, ...], window(1, "length", least=0)] | None = None
    dilation_rate: Window1D = (1,)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 5, 3),)),
        Example(
            {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, ((None, None, 3),)
        ),
        Example(
            {"filters": 4, "kernel_size": 3, "strides": 3, "output_padding": 1}, ((None, 5, 3),)
        ),
    )


class Conv2DTranspose(TransposedConvolution):
    """A 2D transposed convolution, which upsamples an image (decoders, generators).

    ```yaml
    - Conv2DTranspose: {filters: 32, kernel_size: 3, strides: 2, padding: same, activation: relu}
    ```

    Takes (batch, height, width, channels), gives (batch, new_height, new_width, filters); with
    `data_format: channels_first` the channel axis comes second.
    """

    axes: ClassVar[int] = 2

    kernel_size: Window2D
    strides: Window2D = (1, 1)
    output_padding: Annotated[tuple[int, ...], window(2, "height, width", least=0)] | None = None
    dilation_rate: Window2D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 5, 6, 3),)),
        Example(
            {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
            ((None, None, 6, 3),),
        ),
        Example(
            {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": (1, 0)},
            ((None, 5, 6, 3),),
        ),
    )


class Conv3DTranspose(TransposedConvolution):
    """A 3D transposed convolution, which upsamples a volume.

    ```yaml
    - Conv3DTranspose: {filters: 8, kernel_size: 3, strides: 2, padding: same}
    ```

    Takes (batch, depth, height, width, channels), gives (batch, new_depth, new_height, new_width,
    filters).
    """

    axes: ClassVar[int] = 3

    kernel_size: Window3D
    strides: Window3D = (1, 1, 1)
    output_padding: (
        Annotated[tuple[int, ...], window(3, "depth, height, width", least=0)] | None
    ) = None
    dilation_rate: Window3D = (1, 1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 2}, ((None, 3, 4, 5, 2),)),
        Example(
            {"filters": 4, "kernel_size": (3, 2, 2), "strides": 2, "padding": "same"},
            ((None, 3, None, 5, 2),),
        ),
        Example(
            {"filters": 4, "kernel_size": 2, "strides": 2, "output_padding": 1},
            ((None, 3, 4, 5, 2),),
        ),
    )
