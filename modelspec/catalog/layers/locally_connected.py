"""Convolutions with a separate kernel at every position: LocallyConnected1D, LocallyConnected2D.

Keras 3 does not have them; modelspec implements them with Keras 2's settings, weights and order of
weights.
"""

from typing import ClassVar

from modelspec.core.shapes import Shape, Size, Tensor, needs, product

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


class LocallyConnected(Layer):
    """Base of LocallyConnected1D and LocallyConnected2D."""

    keras_module: ClassVar[str] = "modelspec"
    axes: ClassVar[int]

    filters: Count
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"
    data_format: DataFormat = None
    activation: Activation | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        input_channels(x, self.data_format)
        return self.result(
            with_channels(x.shape[0], self._places(x), self.filters, self.data_format)
        )

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        x = inputs.one
        places = self._places(x)
        patch = product((*self.kernel_size, x.shape[channel_axis(self.data_format)]))
        kernel = self.weight("kernel", product(places), patch, self.filters)
        return (kernel, self.weight("bias", *places, self.filters)) if self.use_bias else (kernel,)

    def multiply_adds(self, inputs: Inputs) -> Size:
        return product(self.weights(inputs)[0].shape)

    def _places(self, x: Tensor) -> Shape:
        """The number of positions along each axis. It must be known, because every position has
        separate weights.
        """
        given = spatial(x.shape, self.data_format)
        for axis, size in enumerate(given, 2 if self.data_format == "channels_first" else 1):
            needs(
                size,
                f"axis {axis}",
                "set the input's sizes to numbers, or use a convolution, which has one kernel",
            )
        return slide(given, self.kernel_size, self.strides, self.padding)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        places, patch, _ = self.weights(inputs)[0].shape
        patches = self.result((inputs.one.shape[0], places, patch))
        saved = super().saved(inputs, made)
        return saved._replace(for_weights=False, own_for_weights=(patches,))


class LocallyConnected1D(LocallyConnected):
    """A 1D convolution with a separate kernel at every position.

    ```yaml
    - LocallyConnected1D: {filters: 8, kernel_size: 3, activation: relu}
    ```

    Takes (batch, steps, channels) with a known number of steps, gives (batch, new_steps, filters).
    The kernel has the shape (new_steps, kernel_size * channels, filters).
    """

    steps = "resized"
    axes: ClassVar[int] = 1

    kernel_size: Window1D
    strides: Window1D = (1,)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 9, 4),)),
        Example({"filters": 4, "kernel_size": 2, "strides": 2, "padding": "same"}, ((None, 9, 4),)),
        Example({"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, ((None, 4, 9),)),
    )


class LocallyConnected2D(LocallyConnected):
    """A 2D convolution with a separate kernel at every position.

    ```yaml
    - LocallyConnected2D: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    ```

    Takes (batch, height, width, channels) with known sizes, gives (batch, new_height, new_width,
    filters). The kernel has the shape (new_height * new_width, kernel height * kernel width *
    channels, filters).
    """

    axes: ClassVar[int] = 2

    kernel_size: Window2D
    strides: Window2D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"filters": 4, "kernel_size": 3}, ((None, 6, 5, 4),)),
        Example(
            {"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
            ((None, 6, 5, 4),),
        ),
        Example(
            {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, ((None, 4, 6, 5),)
        ),
    )
