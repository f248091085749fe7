"""Adaptive pooling: as many windows as the output shall have, of whatever size that takes."""

from typing import ClassVar

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor, known

from .layer import Example, Inputs, Layer
from .setting_types import DataFormat, Window1D, Window2D, Window3D
from .windows import numbers, spatial, times, with_spatial


class AdaptivePooling(Layer):
    """What every adaptive pooling shares."""

    axes: ClassVar[int]

    output_size: tuple[int, ...]
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        # Keras computes a shape for any number of axes and fails once data arrives.
        x = numbers(self, inputs, self.axes + 2)
        return self.result(with_spatial(x.shape, self.output_size, self.data_format))


class AdaptivePooling1D(AdaptivePooling):
    """Adaptive pooling along one axis."""

    axes: ClassVar[int] = 1
    output_size: Window1D

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"output_size": 3}, ((None, 9, 4),)),
        Example({"output_size": 3, "data_format": "channels_first"}, ((None, 4, 8),)),
    )


class AdaptivePooling2D(AdaptivePooling):
    """Adaptive pooling along two axes."""

    axes: ClassVar[int] = 2
    output_size: Window2D

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"output_size": (3, 2)}, ((None, 9, 8, 4),)),
        Example({"output_size": 2, "data_format": "channels_first"}, ((None, 4, 9, 8),)),
    )


class AdaptivePooling3D(AdaptivePooling):
    """Adaptive pooling along three axes."""

    axes: ClassVar[int] = 3
    output_size: Window3D

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"output_size": (3, 2, 2)}, ((None, 6, 5, 4, 2),)),
        Example({"output_size": 2, "data_format": "channels_first"}, ((None, 2, 6, 5, 4),)),
    )


class Greatest(AdaptivePooling):
    """What those share that take the greatest value of each window."""

    def output(self, inputs: Inputs) -> Tensor:
        """As for means. Raises MS402 for a last axis of one window or one entry.

        Keras also lays windows that are an entry wider; where none of those fits along the last
        axis, TensorFlow's kernel for a CPU divides by zero, which ends the process.
        """
        result = super().output(inputs)
        given = spatial(inputs.one.shape, self.data_format)
        wide = (
            f"`{self.kind()}` ends the process on a CPU: Keras needs room for a window that is one"
            " entry wider"
        )
        if self.output_size[-1] == 1:
            every = (
                f"use `GlobalMaxPooling{self.axes}D: {{keepdims: true}}`"
                if set(self.output_size) == {1}
                else f"use a `MaxPooling{self.axes}D` whose window is as wide as the input"
            )
            raise Fault(
                "MS402",
                f"with one window along the last axis, {wide}",
                ("output_size",),
                help=every,
            )
        if known(given[-1]) == 1:
            raise Fault(
                "MS402",
                f"with one entry along the last axis of its {times(given)} input, {wide}",
                help=(
                    "pool along the other axes with a `MaxPooling` layer, or before this axis is so"
                    " short"
                ),
            )
        return result


class AdaptiveAveragePooling1D(AdaptivePooling1D):
    """The means of `output_size` windows along a sequence of any length.

    ```yaml
    - AdaptiveAveragePooling1D: 16
    ```

    Takes (batch, steps, channels), gives (batch, output_size, channels).
    """


class AdaptiveAveragePooling2D(AdaptivePooling2D):
    """The means of `output_size` windows of an image of any size.

    ```yaml
    - AdaptiveAveragePooling2D: [7, 7]
    ```

    Takes (batch, height, width, channels), gives (batch, *output_size, channels).
    """


class AdaptiveAveragePooling3D(AdaptivePooling3D):
    """The means of `output_size` windows of a volume of any size.

    ```yaml
    - AdaptiveAveragePooling3D: 4
    ```

    Takes (batch, depth, height, width, channels), gives (batch, *output_size, channels).
    """


class AdaptiveMaxPooling1D(AdaptivePooling1D, Greatest):
    """The greatest values of `output_size` windows along a sequence of any length.

    ```yaml
    - AdaptiveMaxPooling1D: 16
    ```

    Takes (batch, steps, channels), gives (batch, output_size, channels).
    """


class AdaptiveMaxPooling2D(AdaptivePooling2D, Greatest):
    """The greatest values of `output_size` windows of an image of any size.

    ```yaml
    - AdaptiveMaxPooling2D: [7, 7]
    ```

    Takes (batch, height, width, channels), gives (batch, *output_size, channels).
    """


class AdaptiveMaxPooling3D(AdaptivePooling3D, Greatest):
    """The greatest values of `output_size` windows of a volume of any size.

    ```yaml
    - AdaptiveMaxPooling3D: 4
    ```

    Takes (batch, depth, height, width, channels), gives (batch, *output_size, channels).
    """
