"""Adaptive pooling: the number of windows is given, and their size follows from the input."""

from typing import ClassVar

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, add, ceildiv, known

from .layer import Example, Inputs, Layer
from .saved import Saved
from .setting_types import DataFormat, Window1D, Window2D, Window3D
from .windows import numbers, spatial, times, with_spatial


class AdaptivePooling(Layer):
    """Base of adaptive pooling layers."""

    axes: ClassVar[int]

    output_size: tuple[int, ...]
    data_format: DataFormat = None

    def output(self, inputs: Inputs) -> Tensor:
        """Raises MS402 for an axis with a single window or of size 1.

        In addition to the windows of the required size, Keras computes windows that are one element
        wider. If a window already covers the axis, these have a negative number of positions, and a
        model fails when it is traced; outside of a model the maximum of an empty window aborts the
        process.
        """
        # Keras computes a shape for any number of axes and fails when data arrives.
        x = numbers(self, inputs, self.axes + 2)
        self._has_room(spatial(x.shape, self.data_format))
        return self.result(with_spatial(x.shape, self.output_size, self.data_format))

    def saved_by_max(self, inputs: Inputs) -> Saved:
        """Axis by axis: the maxima of windows of two widths, at every position."""
        x = self.like(inputs.one)
        sizes = list(spatial(x.shape, self.data_format))
        own: list[Tensor] = []
        for axis, count in enumerate(self.output_size):
            narrow = ceildiv(sizes[axis], count)
            for width in (narrow, add(narrow, 1)):
                places = add(sizes[axis], 1 - width) if isinstance(width, int) else None
                pooled = (*sizes[:axis], places, *sizes[axis + 1 :])
                own.append(x._replace(shape=with_spatial(x.shape, pooled, self.data_format)))
            sizes[axis] = count
            own.append(x._replace(shape=with_spatial(x.shape, tuple(sizes), self.data_format)))
        return Saved(inputs=True, own=tuple(own[:-1]))

    def _has_room(self, given: Shape) -> None:
        wide = (
            f"`{self.kind()}` fails in a model: Keras also computes a window that is one"
            " element wider"
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
                    f"pool along the other axes with `{self._plain()}{self.axes}D`, or pool"
                    " earlier, while this axis is longer"
                ),
            )

    def _without_windows(self) -> str:
        if set(self.output_size) == {1}:
            return f"use `Global{self._plain()}{self.axes}D: {{keepdims: true}}`"
        return f"use `{self._plain()}{self.axes}D` with a window as wide as the input"

    @classmethod
    def _plain(cls) -> str:
        """The name of the layer that pools with a fixed window size, without the number of axes."""
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
    """The maxima of `output_size` windows along a sequence of any length.

    ```yaml
    - AdaptiveMaxPooling1D: 16
    ```

    Takes (batch, steps, channels), gives (batch, output_size, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.saved_by_max(inputs)


class AdaptiveMaxPooling2D(AdaptivePooling2D):
    """The maxima of `output_size` windows of an image of any size.

    ```yaml
    - AdaptiveMaxPooling2D: [7, 7]
    ```

    Takes (batch, height, width, channels), gives (batch, *output_size, channels).
    """

    keeps_dtype = True
    no_kernel_in = ("uint32", "uint64")
    takes = "numbers"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.saved_by_max(inputs)


class AdaptiveMaxPooling3D(AdaptivePooling3D):
    """The maxima of `output_size` windows of a volume of any size.

    ```yaml
    - AdaptiveMaxPooling3D: 4
    ```

    Takes (batch, depth, height, width, channels), gives (batch, *output_size, channels).
    """

    takes = "floats"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return self.saved_by_max(inputs)
