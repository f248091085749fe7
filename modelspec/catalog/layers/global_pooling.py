"""Pooling over all positions: GlobalMaxPooling and GlobalAveragePooling."""

from typing import ClassVar

from modelspec.core.shapes import Shape, Tensor, show

from .common import need_equal
from .layer import Argument, Example, Inputs, Layer
from .mask_arguments import need_mask
from .saved import Saved
from .setting_types import DataFormat
from .windows import channel_axis, numbers, spatial, with_channels


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
    channels). An example without any step to average, for which all of the mask is false (such as
    a text without words), gives NaN: Keras divides by the number of steps with a mask of true.
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

    def misused_mask(self, x: Tensor, given: bool) -> str | None:
        """Keras uses every mask as one of the steps."""
        if given or self.data_format != "channels_first":
            return None
        return "averages over axis 2 with `data_format: channels_first`, and the mask marks axis 1"

    def output(self, inputs: Inputs) -> Tensor:
        result = super().output(inputs)
        mask = inputs.tensor("mask")
        if mask is not None:
            self._check_mask(inputs.one, mask)
        return result

    def _check_mask(self, x: Tensor, mask: Tensor) -> None:
        steps: Shape = (x.shape[0], *spatial(x.shape, self.data_format))
        need_mask(mask, steps)
        # Keras divides by the number of true values in the mask: a mask of size 1, which is
        # broadcast, would give the sum of the steps.
        need_equal(
            mask.shape[1],
            steps[1],
            "sizes of the mask and of the steps",
            (mask.shape, steps),
            argument="mask",
            help=f"give a mask of shape {show(steps)}",
        )

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
