"""Zero padding of the spatial axes: ZeroPadding, 1D to 3D."""

from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import Field, PlainValidator, ValidationInfo

from modelspec.core.diagnostics import Path
from modelspec.core.settings import Settings, Unfit, context_of, is_int
from modelspec.core.shapes import Shape, Tensor, add, same_padding

from .layer import Example, Inputs, Layer
from .setting_types import DataFormat, Window1D, Window2D, Window3D, window
from .windows import numbers, spatial, with_spatial

Sides: TypeAlias = tuple[tuple[int, int], ...]
"""For each spatial axis, the padding before and after."""


def sides(count: int, axes: str) -> PlainValidator:
    """One number for all sides, a number for each axis, or a pair [before, after] for each axis;
    converted to pairs.
    """
    expected = (
        f"an integer of at least 0 or a list of {count} ({axes}), each a number or a pair"
        " [before, after]"
    )

    def pair(item: Any, at: Path) -> tuple[int, int]:
        items = (item, item) if is_int(item) else item
        if (
            not isinstance(items, (tuple, list))
            or len(items) != 2
            or not all(is_int(each) for each in items)
        ):
            raise Unfit(expected, path=at)
        if min(items) < 0:
            raise Unfit(expected, code="MS205", path=at)
        return (items[0], items[1])

    def validate(value: Any) -> Sides:
        items = (value,) * count if is_int(value) else value
        if not isinstance(items, (tuple, list)) or len(items) != count:
            raise Unfit(expected)
        return tuple(
            pair(item, (index,) if items is value else ()) for index, item in enumerate(items)
        )

    number = Annotated[int, Field(ge=0)]
    axis = number | tuple[number, number]
    return PlainValidator(validate, json_schema_input_type=number | tuple[(axis,) * count])  # type: ignore[misc]


def grow(given: Shape, padding: Sides) -> Shape:
    """The sizes after padding both sides (or cropping, for negative numbers)."""
    return tuple(
        add(size, before + after) for size, (before, after) in zip(given, padding, strict=True)
    )


# Padding for a window ---------------------------------------------------------------------------


class ForWindow(Settings):
    """A window along the spatial axes, to pad for as `padding: same` does."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def kind(cls) -> str:
        return "padding"

    def around(self, given: Shape) -> Sides:
        """The padding before and after each axis, for these sizes."""
        axes = zip(given, self.kernel_size, self.strides, strict=True)
        return tuple(same_padding(size, kernel, stride) for size, kernel, stride in axes)


class ForWindow1D(ForWindow):
    """A window along one axis."""

    kernel_size: Window1D
    strides: Window1D = (1,)


class ForWindow2D(ForWindow):
    """A window along two axes."""

    kernel_size: Window2D
    strides: Window2D = (1, 1)


class ForWindow3D(ForWindow):
    """A window along three axes."""

    kernel_size: Window3D
    strides: Window3D = (1, 1, 1)


def or_for(form: type[ForWindow], numbers: PlainValidator) -> PlainValidator:
    """The values that `numbers` accepts, or a mapping that describes a window."""

    def validate(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, dict):
            return form.build(value, context_of(info))
        return numbers.func(value)  # type: ignore[call-arg]  # these validators take no info

    return PlainValidator(validate, json_schema_input_type=numbers.json_schema_input_type | form)


Padding1D = Annotated[Any, or_for(ForWindow1D, window(2, "before, after", least=0))]
"""Before and after the spatial axis: `1` or `[1, 2]`; or a window."""
Padding2D = Annotated[Any, or_for(ForWindow2D, sides(2, "height, width"))]
Padding3D = Annotated[Any, or_for(ForWindow3D, sides(3, "depth, height, width"))]


# Layers -----------------------------------------------------------------------------------------


class ZeroPadding(Layer):
    """Base of the three layers."""

    keeps_dtype = True
    prepares_data = True
    axes: ClassVar[int]

    padding: Any
    data_format: DataFormat = None

    @property
    def alone(self) -> bool:  # type: ignore[override]
        """A layer inside another is called by Keras itself, so settings that follow from sizes
        cannot be resolved.
        """
        return isinstance(self.padding, ForWindow)

    def settled(self, inputs: Inputs) -> Layer:
        if not isinstance(self.padding, ForWindow):
            return self
        around = self._around(inputs.one)
        return self.model_copy(update={"padding": around[0] if self.axes == 1 else around})

    def _around(self, x: Tensor) -> Sides:
        """The padding before and after each axis."""
        if isinstance(self.padding, ForWindow):
            return self.padding.around(spatial(x.shape, self.data_format))
        return (self.padding,) if self.axes == 1 else self.padding

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs, self.axes + 2)
        sizes = grow(spatial(x.shape, self.data_format), self._around(x))
        return self.result(with_spatial(x.shape, sizes, self.data_format))


class ZeroPadding1D(ZeroPadding):
    """Adds zeros before and after a sequence.

    ```yaml
    - ZeroPadding1D: [2, 0]
    - ZeroPadding1D: {padding: {kernel_size: 3, strides: 2}}
    ```

    Takes (batch, steps, channels), gives (batch, steps + padding, channels). With the `kernel_size`
    and `strides` (1 by default) of a window, it adds the same padding as `padding: same` for that
    window; an unknown number of steps is treated as a multiple of the stride.
    """

    steps = "resized"
    axes: ClassVar[int] = 1

    padding: Padding1D = (1, 1)

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"padding": (2, 1)}, ((None, 5, 3),)),
        Example({"padding": 2, "data_format": "channels_first"}, ((None, 3, None),)),
    )


class ZeroPadding2D(ZeroPadding):
    """Adds rows and columns of zeros around images.

    ```yaml
    - ZeroPadding2D: 1
    - ZeroPadding2D: [[1, 0], [2, 2]]     # [top, bottom], [left, right]
    - ZeroPadding2D: {padding: {kernel_size: 3, strides: 2}}
    ```

    Takes (batch, height, width, channels), gives (batch, padded_height, padded_width, channels).
    With the `kernel_size` and `strides` (1 by default) of a window, it adds the same padding as
    `padding: same` for that window; an unknown size is treated as a multiple of the stride.
    """

    axes: ClassVar[int] = 2

    padding: Padding2D = ((1, 1), (1, 1))

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"padding": ((1, 2), (0, 1))}, ((None, 5, 4, 3),)),
        Example({"padding": (1, 2), "data_format": "channels_first"}, ((None, 3, None, 4),)),
    )


class ZeroPadding3D(ZeroPadding):
    """Adds zeros around volumes.

    ```yaml
    - ZeroPadding3D: [1, 2, 2]
    - ZeroPadding3D: {padding: {kernel_size: 3, strides: [1, 2, 2]}}
    ```

    Takes (batch, depth, height, width, channels), gives the same with each spatial axis extended by
    its padding. With the `kernel_size` and `strides` (1 by default) of a window, it adds the same
    padding as `padding: same` for that window; an unknown size is treated as a multiple of the
    stride.
    """

    axes: ClassVar[int] = 3

    padding: Padding3D = ((1, 1), (1, 1), (1, 1))

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"padding": ((1, 2), (0, 1), (1, 1))}, ((None, 3, 4, 5, 2),)),
        Example({"padding": (1, 2, 0)}, ((None, 3, None, 5, 2),)),
    )
