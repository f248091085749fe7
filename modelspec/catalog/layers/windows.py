"""The channel axis, and windows along the spatial axes: shared by convolution, pooling and
resizing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Size, Tensor, known, needs, show_size, window

from .common import need_number
from .layer import Inputs, Layer, need_rank

Padding = Literal["valid", "same"]
"""`valid`: only positions where the whole window fits; `same`: as many positions as the input has,
divided by the stride.
"""


def numbers(layer: Layer, inputs: Inputs, *ranks: int) -> Tensor:
    """The tensor of the call. Raises unless it has one of the ranks (any, if none is given) and a
    dtype other than string.
    """
    x = inputs.one
    if ranks:
        need_rank(layer, x, *ranks)
    need_number(layer, x)
    return x


def channel_axis(data_format: str | None) -> int:
    return 1 if data_format == "channels_first" else -1


def input_channels(x: Tensor, data_format: str | None) -> Size:
    """The number of input channels, which determines the weights. Raises MS405 if it is unknown."""
    return needs(
        x.shape[channel_axis(data_format)],
        "the channel axis",
        "set the input's channel size to a number",
    )


def spatial(shape: Shape, data_format: str | None) -> Shape:
    """The sizes along the spatial axes."""
    return shape[2:] if data_format == "channels_first" else shape[1:-1]


def with_channels(batch: Size, sizes: Shape, channels: Size, data_format: str | None) -> Shape:
    """A full shape from its parts."""
    return (
        (batch, channels, *sizes) if data_format == "channels_first" else (batch, *sizes, channels)
    )


def with_spatial(shape: Shape, sizes: Shape, data_format: str | None) -> Shape:
    """The shape with other sizes along its spatial axes."""
    return with_channels(shape[0], sizes, shape[channel_axis(data_format)], data_format)


def slide(
    given: Shape,
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int] | None = None,
    *,
    setting: str = "kernel_size",
    word: str = "kernel",
) -> Shape:
    """The number of positions of the window along each spatial axis. Raises MS402 if it does not
    fit.

    `setting` is the setting that a fault points to, `word` the name of the window in messages.
    """
    dilation = dilation or (1,) * len(kernel)
    axes = zip(given, kernel, strides, dilation, strict=True)
    sizes = tuple(window(size, k, stride, padding, d) for size, k, stride, d in axes)
    if all_positive(sizes):
        return sizes
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    dilated = f" (dilated to {times(reach)})" if reach != tuple(kernel) else ""
    raise Fault(
        "MS402",
        f"{word} {times(kernel)}{dilated} does not fit its {times(given)} input",
        (setting,),
        help=_fitting(given, dilation, padding, setting),
    )


def _fitting(given: Shape, dilation: Sequence[int], padding: str, setting: str) -> str:
    largest = min(
        (count - 1) // d + 1
        for size, d in zip(given, dilation, strict=True)
        if (count := known(size)) is not None
    )
    if largest < 1:
        return "the input must have a size of at least 1 along every axis"
    return f"use `padding: same` or a {setting} of at most {largest}"


def all_positive(sizes: Shape) -> bool:
    """Whether all known sizes are at least 1."""
    return all((count := known(size)) is None or count >= 1 for size in sizes)


def times(sizes: Sequence[Size]) -> str:
    """The sizes as shown in messages: `3x5`."""
    return "x".join(show_size(size) for size in sizes)
