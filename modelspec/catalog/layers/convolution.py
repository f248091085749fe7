"""Convolutions: Conv1D, Conv2D, Conv3D."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import Size, Tensor, add, ceildiv, known, mul, product

from .core import adapters, free_of_constraint
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
    Window3D,
)
from .windows import (
    Padding,
    channel_axis,
    input_channels,
    numbers,
    slide,
    spatial,
    times,
    with_channels,
    with_spatial,
)


def refuse_dilated_strides(strides: Sequence[int], dilation: Sequence[int]) -> None:
    """Raises MS208 if both strides and dilation are above 1, which Keras's convolutions do not
    support.
    """
    if max(strides) > 1 and max(dilation) > 1:
        refuse(
            f"strides {times(strides)} and dilation_rate {times(dilation)} cannot be used together",
            "MS208",
            "dilation_rate",
            help="set only one of `strides` and `dilation_rate`",
        )


def with_copied_input(layer: "Dilated", saved: Saved, x: Tensor) -> Saved:
    """The saved tensors of a convolution of `x`: for a dilated kernel TensorFlow rearranges its
    input, padded to a multiple of the dilation; for a causal one Keras pads it.
    """
    dilation = layer.dilation_rate
    if max(dilation) == 1 and layer.padding != "causal":
        return saved
    padded = layer.padding != "valid"
    sizes = tuple(
        mul(ceildiv(add(size, rate * (kernel - 1) if padded else 0), rate), rate)
        for size, kernel, rate in zip(
            spatial(x.shape, layer.data_format), layer.kernel_size, dilation, strict=True
        )
    )
    copy = x._replace(shape=with_spatial(x.shape, sizes, layer.data_format))
    return saved._replace(for_weights=False, own_for_weights=(*saved.own_for_weights, copy))


class Dilated(Protocol):
    """The settings of a convolution with dilation."""

    @property
    def kernel_size(self) -> tuple[int, ...]: ...
    @property
    def padding(self) -> str: ...
    @property
    def data_format(self) -> DataFormat: ...
    @property
    def dilation_rate(self) -> tuple[int, ...]: ...


class Convolution(Layer):
    """Base of Conv1D, Conv2D and Conv3D."""

    takes = "floats"
    mixes_dtypes = False
    channel_bias = True
    low_rank = "kernel"
    axes: ClassVar[int]

    filters: Count
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: tuple[int, ...]
    groups: Count = 1
    activation: Activation | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    lora_rank: Count | None = None
    lora_alpha: float | None = None

    @model_validator(mode="after")
    def _adapts_free_kernel(self) -> Self:
        return free_of_constraint(self, "kernel_constraint", self.lora_rank)

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if self.filters % self.groups:
            refuse(
                f"{self.filters} filters cannot be split into {self.groups} groups",
                "MS408",
                "groups",
                help="use a number of groups that divides `filters`",
            )
        refuse_dilated_strides(self.strides, self.dilation_rate)
        return self

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        channels = known(input_channels(x, self.data_format))
        if channels is not None and (channels % self.groups or not channels):
            raise Fault(
                "MS408",
                f"{channels} input channels cannot be split into {self.groups} groups",
                ("groups",),
                help="use a number of groups that divides the input's channels",
            )
        given = spatial(x.shape, self.data_format)
        sizes = slide(given, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return self.result(with_channels(x.shape[0], sizes, self.filters, self.data_format))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        channels = inputs.one.shape[channel_axis(self.data_format)]
        per_group = channels // self.groups if isinstance(channels, int) else channels
        sizes = (*self.kernel_size, per_group)
        trained = self.lora_rank is None
        weights = [self.weight("kernel", *sizes, self.filters, trainable=trained)]
        if self.use_bias:
            weights.append(self.weight("bias", self.filters))
        if self.lora_rank is not None:
            first, second = adapters(self, "kernel", self.lora_rank, per_group, self.filters)
            weights += [first._replace(shape=(*sizes, self.lora_rank)), second]
        return tuple(weights)

    def multiply_adds(self, inputs: Inputs) -> Size:
        output = self.output(inputs)
        kernel = self.weights(inputs)[0]
        return product((*spatial(output.shape, self.data_format), *kernel.shape))

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        saved = super().saved(inputs, made)
        return with_copied_input(self, saved, self.like(inputs.one))


class Conv1D(Convolution):
    """A 1D convolution (time series, sequences).

    ```yaml
    - Conv1D: {filters: 32, kernel_size: 5, padding: causal, activation: relu}
    ```

    Takes (batch, steps, channels), gives (batch, new_steps, filters).
    """

    channels_last_on_cpu = True
    steps = "resized"
    axes: ClassVar[int] = 1

    kernel_size: Window1D
    strides: Window1D = (1,)
    padding: Literal["valid", "same", "causal"] = "valid"  # type: ignore[assignment]  # one choice more than the others
    dilation_rate: Window1D = (1,)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 9, 4),)),
        Example(
            {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2},
            ((None, None, 3),),
        ),
        Example({"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, ((None, 9, 4),)),
        Example({"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, ((None, 4, 9),)),
    )


class Conv2D(Convolution):
    """A 2D convolution (images).

    ```yaml
    - Conv2D: {filters: 32, kernel_size: 3, activation: relu}
    - Conv2D: {filters: 64, kernel_size: [3, 5], strides: 2, padding: same}
    ```

    Takes (batch, height, width, channels), gives (batch, new_height, new_width, filters); with
    `data_format: channels_first` the channel axis comes second.
    """

    channels_last_on_cpu = True
    axes: ClassVar[int] = 2

    kernel_size: Window2D
    strides: Window2D = (1, 1)
    dilation_rate: Window2D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 9, 8, 4),)),
        Example(
            {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
            ((None, None, 8, 4),),
        ),
        Example(
            {"filters": 6, "kernel_size": 3, "dilation_rate": 2, "groups": 2}, ((None, 9, 8, 4),)
        ),
        Example({"filters": 4, "kernel_size": 3, "lora_rank": 2}, ((None, 9, 8, 4),)),
        Example(
            {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, ((None, 4, 9, 8),)
        ),
    )


class Conv3D(Convolution):
    """A 3D convolution (volumes, video).

    ```yaml
    - Conv3D: {filters: 16, kernel_size: 3, activation: relu}
    ```

    Takes (batch, depth, height, width, channels), gives (batch, new_depth, new_height, new_width,
    filters).
    """

    axes: ClassVar[int] = 3

    kernel_size: Window3D
    strides: Window3D = (1, 1, 1)
    dilation_rate: Window3D = (1, 1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 2}, ((None, 5, 6, 7, 2),)),
        Example(
            {"filters": 4, "kernel_size": (2, 3, 2), "strides": 2, "padding": "same"},
            ((None, 5, 6, None, 2),),
        ),
        Example(
            {"filters": 4, "kernel_size": 2, "data_format": "channels_first"}, ((None, 2, 5, 6, 7),)
        ),
    )
