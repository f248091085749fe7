"""Adaptive pooling: as many windows as the output shall have, of whatever size that takes."""

from typing import ClassVar

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, known

from .layer import Example, Inputs, Layer
from .setting_types import DataFormat, Window1D, Window2D, Window3D
from .windows import numbers, spatial, times, with_spatial


class AdaptivePooling(Layer):
    """What every adaptive pooling shares."""

    axes: ClassVar[int]

    output_size: tuple[int, ...]
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        """Raises MS402 for an axis of one window or one entry.

        Beside the windows of the size that it needs, Keras lays windows that are an entry wider.
        Where one window, or one entry, is as wide as the axis, those leave less than nothing, and a
        model fails when it is traced; outside of a model the greatest of nothing ends the process.
        """
        # Keras computes a shape for any number of axes and fails once data arrives.
        x = numbers(self, inputs, self.axes + 2)
        self._has_room(spatial(x.shape, self.data_format))
        return self.result(with_spatial(x.shape, self.output_size, self.data_format))

    def _has_room(self, given: Shape) -> None:
        wide = (
            f"`{self.kind()}` fails in a model: Keras needs room for a window that is one entry"
            " wider"
        )
        if 1 in self.output_size:
            raise Fault(
                "MS402",
                f"with one window along an axis, {wide}",
                ("output_size",),
                help=self._without_windows(),
            )
        if any(known(size) == 1 for size in given):
            raise Fault(
                "MS402",
                f"with one entry along an axis of its {times(given)} input, {wide}",
                help=(
                    f"pool along the other axes with `{self._plain()}{self.axes}D`, or before this"
                    " axis is so short"
                ),
            )

    def _without_windows(self) -> str:
        if set(self.output_size) == {1}:
            return f"use `Global{self._plain()}{self.axes}D: {{keepdims: true}}`"
        return f"use `{self._plain()}{self.axes}D` with a window as wide as the input"

    @classmethod
    def _plain(cls) -> str:
        """The name of the layer that pools over windows of one size, without the number of axes."""
        return cls.kind().removeprefix("Adaptive")[: -len("1D")]


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

    no_kernel_in = ("float64",)
    gpu_kernel_in = ("float16",)
    axes: ClassVar[int] = 3
    output_size: Window3D

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"output_size": (3, 2, 2)}, ((None, 6, 5, 4, 2),)),
        Example({"output_size": 2, "data_format": "channels_first"}, ((None, 2, 6, 5, 4),)),
    )


class AdaptiveAveragePooling1D(AdaptivePooling1D):
    """The means of `output_size` windows along a sequence of any length.

    ```yaml
    - AdaptiveAveragePooling1D: 16
    ```

    Takes (batch, steps, channels), gives (batch, output_size, channels).
    """

    takes = "floats"


class AdaptiveAveragePooling2D(AdaptivePooling2D):
    """The means of `output_size` windows of an image of any size.

    ```yaml
    - AdaptiveAveragePooling2D: [7, 7]
    ```

    Takes (batch, height, width, channels), gives (batch, *output_size, channels).
    """

    takes = "floats"


class AdaptiveAveragePooling3D(AdaptivePooling3D):
    """The means of `output_size` windows of a volume of any size.

    ```yaml
    - AdaptiveAveragePooling3D: 4
    ```

    Takes (batch, depth, height, width, channels), gives (batch, *output_size, channels).
    """

    takes = "floats"


class AdaptiveMaxPooling1D(AdaptivePooling1D):
    """The greatest values of `output_size` windows along a sequence of any length.

    ```yaml
    - AdaptiveMaxPooling1D: 16
    ```

    Takes (batch, steps, channels), gives (batch, output_size, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"


class AdaptiveMaxPooling2D(AdaptivePooling2D):
    """The greatest values of `output_size` windows of an image of any size.

    ```yaml
    - AdaptiveMaxPooling2D: [7, 7]
    ```

    Takes (batch, height, width, channels), gives (batch, *output_size, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"


class AdaptiveMaxPooling3D(AdaptivePooling3D):
    """The greatest values of `output_size` windows of a volume of any size.

    ```yaml
    - AdaptiveMaxPooling3D: 4
    ```

    Takes (batch, depth, height, width, channels), gives (batch, *output_size, channels).
    """

    takes = "floats"
