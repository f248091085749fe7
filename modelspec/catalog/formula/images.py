"""Type rules of functions on images, and of padding: `resize`, `patches`, `convolve`, `ssim`,
`pad`. Images have the axes batch, height, width, channels.
"""

from __future__ import annotations

from typing import Any

from modelspec.core.diagnostics import Fault
from modelspec.core.dtypes import is_float
from modelspec.core.shapes import (
    Shape,
    Size,
    Tensor,
    add,
    floordiv,
    known,
    may_equal,
    mul,
    needs,
    product,
    show,
    window,
)

from .chosen import check_choice
from .elementwise import Arguments, broadcast, of_batch
from .operands import check_fits, combine, need_floats
from .tree import Constant

_IMAGES = 4
"""The axes of images."""
INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic", "area")
FORMATS = ("channels_last", "channels_first")
MODES = ("constant", "reflect", "symmetric")
PADDINGS = ("valid", "same")


def _images(call: Arguments, name: str) -> Tensor:
    x = call.tensor(name)
    if x.rank != _IMAGES:
        raise Fault(
            "MS401",
            f"`{call.function}` takes images (batch, height, width, channels), found"
            f" {show(x.shape)}",
            (name,),
            help="add an axis where one is missing: `x[..., None]`",
        )
    return x


def inner_axes(name: str) -> _Axes:
    """The axes of each image, which a function of images combines."""
    return _Axes(name)


class _Axes:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, call: Arguments) -> tuple[int, ...]:
        return tuple(range(1, call.tensor(self.name).rank))


# Blocks -------------------------------------------------------------------------------------------


def space_to_depth(call: Arguments) -> Tensor:
    """`space_to_depth`: blocks of pixels become channels."""
    height, width, channels, block = _blocks(call)
    for name, size in (("height", height), ("width", width)):
        _need_multiple(call, name, size, block)
    sizes = (floordiv(height, block), floordiv(width, block), mul(channels, block**2))
    return _from_blocks(call, sizes)


def depth_to_space(call: Arguments) -> Tensor:
    """`depth_to_space`: channels become blocks of pixels."""
    height, width, channels, block = _blocks(call)
    _need_multiple(call, "number of channels", channels, block**2)
    return _from_blocks(call, (mul(height, block), mul(width, block), floordiv(channels, block**2)))


def _blocks(call: Arguments) -> tuple[Size, Size, Size, int]:
    x, block = _images(call, "x"), call.settings["block_size"]
    if block < 2:
        raise Fault("MS143", f"`block_size` must be at least 2, found {block}", ("block_size",))
    if check_choice(call, "data_format", FORMATS) == "channels_first":
        return x.shape[2], x.shape[3], x.shape[1], block
    return x.shape[1], x.shape[2], x.shape[3], block


def _from_blocks(call: Arguments, sizes: tuple[Size, Size, Size]) -> Tensor:
    height, width, channels = sizes
    first = call.settings["data_format"] == "channels_first"
    inner = (channels, height, width) if first else (height, width, channels)
    return Tensor((call.x.shape[0], *inner), call.x.dtype)


def _need_multiple(call: Arguments, name: str, size: Size, of: int) -> None:
    if isinstance(size, int) and size % of:
        raise Fault(
            "MS408",
            f"the {name} of `{call.function}` must be a multiple of {of}, found {size}:"
            f" {show(call.x.shape)}",
            ("block_size",),
        )


# Sizes --------------------------------------------------------------------------------------------


def resize(call: Arguments) -> Tensor:
    """`resize`: images of another height and width."""
    x, size = _images(call, "images"), call.settings["size"]
    if len(size) != 2 or min(size) < 1:
        raise Fault(
            "MS143", "`size` of `resize` must be a height and a width of at least 1", ("size",)
        )
    if check_choice(call, "interpolation", INTERPOLATIONS) != "nearest":
        need_floats(call.function, x)
    return Tensor((x.shape[0], *size, x.shape[3]), x.dtype)


def patches(call: Arguments) -> Tensor:
    """`patches`: each part of an image as one vector."""
    x = _images(call, "images")
    need_floats(call.function, x)
    size = _two(call, "size")
    strides = size if call.settings["strides"] is None else _two(call, "strides")
    channels = needs(x.shape[3], "the channel axis", "set the input's last size to a number")
    sizes = _slide(call, x.shape[1:3], size, strides)
    return Tensor((x.shape[0], *sizes, mul(channels, size[0] * size[1])), x.dtype)


def _two(call: Arguments, name: str) -> tuple[int, int]:
    """A number for both axes of an image, or one for each."""
    given = call.settings[name]
    found = given if isinstance(given, tuple) else (given, given)
    if len(found) != 2 or min(found) < 1:
        raise Fault(
            "MS143",
            f"`{name}` of `{call.function}` must be an integer of at least 1, or two of them",
            (name,),
        )
    return found


def _slide(
    call: Arguments, sizes: Shape, kernel: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[Size, ...]:
    """The positions of a kernel along each axis. Raises MS402 if it does not fit."""
    padding = check_choice(call, "padding", PADDINGS) or ""
    dilation = call.settings["dilation_rate"]
    if dilation < 1:
        raise Fault(
            "MS143", f"`dilation_rate` must be at least 1, found {dilation}", ("dilation_rate",)
        )
    if dilation > 1 and max(strides) > 1:
        raise Fault(
            "MS143",
            "`strides` and `dilation_rate` above 1 cannot be used together",
            ("dilation_rate",),
            help="set only one of them",
        )
    found = tuple(
        window(size, each, stride, padding, dilation)
        for size, each, stride in zip(sizes, kernel, strides, strict=True)
    )
    if any(isinstance(size, int) and size < 1 for size in found):
        raise Fault(
            "MS402",
            f"{' x '.join(map(str, kernel))} of `{call.function}` does not fit into"
            f" {' x '.join(map(str, sizes))}",
            help="use `padding='same'`, or smaller ones",
        )
    return found


# Convolution --------------------------------------------------------------------------------------


def convolve(call: Arguments) -> Tensor:
    """`convolve`: a convolution with a kernel (sizes, input channels, output channels)."""
    x, kernel = call.tensor("inputs"), call.tensor("kernel")
    for one in (x, kernel):
        need_floats(call.function, one)
    if x.rank not in (3, 4, 5) or kernel.rank != x.rank:
        raise Fault(
            "MS401",
            "`convolve` takes a kernel with as many axes as its input, which are 3 to 5, found"
            f" {show(kernel.shape)} for {show(x.shape)}",
            ("kernel",),
            help="a kernel has the sizes, the input channels and the output channels",
        )
    if any(of_batch(size) for size in kernel.shape):
        raise Fault(
            "MS403",
            f"the kernel of `convolve` has the batch axis: {show(kernel.shape)}",
            ("kernel",),
            help="select one kernel: `k[0]`",
        )
    if combine((x, kernel)) != x.dtype or x.dtype != kernel.dtype:
        raise Fault(
            "MS404",
            f"`convolve` takes a kernel of the input's dtype, found {kernel.dtype} for {x.dtype}",
            ("kernel",),
            help=f"cast it first: `cast(k, '{x.dtype}')`",
        )
    sizes = [_known(call, size) for size in kernel.shape[:-1]]
    _check_channels(x, sizes[-1])
    stride = call.settings["strides"]
    if stride < 1:
        raise Fault("MS143", f"`strides` must be at least 1, found {stride}", ("strides",))
    found = _slide(call, x.shape[1:-1], tuple(sizes[:-1]), (stride,) * (x.rank - 2))
    return Tensor((x.shape[0], *found, kernel.shape[-1]), x.dtype)


def _known(call: Arguments, size: Size) -> int:
    found = needs(size, "a size of the kernel", "use a kernel of known sizes")
    return found if isinstance(found, int) else 1


def _check_channels(x: Tensor, taken: int) -> None:
    channels = needs(x.shape[-1], "the channel axis", "set the input's last size to a number")
    if not may_equal(channels, taken):
        raise Fault(
            "MS403",
            f"a kernel for {taken} input channels does not match {channels} channels:"
            f" {show(x.shape)}",
            ("kernel",),
            help="the second to last size of a kernel is the number of input channels",
        )


def convolve_cost(call: Arguments) -> Size:
    kernel = call.tensor("kernel")
    return product((*convolve(call).shape[:-1], *kernel.shape))


# Similarity ---------------------------------------------------------------------------------------


def ssim(call: Arguments) -> Tensor:
    """`ssim`: the structural similarity of each pair of images."""
    pair = first, second = tuple(_images(call, name) for name in ("img1", "img2"))
    for one in pair:
        need_floats(call.function, one)
    if first.dtype != second.dtype:
        raise Fault(
            "MS404",
            f"`ssim` takes images of one dtype, found {first.dtype} and {second.dtype}",
            ("img2",),
            help=f"cast them first: `cast(x, '{first.dtype}')`",
        )
    shape = broadcast(call.function, pair)
    if not all(may_equal(a, b) for a, b in zip(first.shape, second.shape, strict=True)):
        raise Fault(
            "MS403", f"`ssim` compares {show(first.shape)} with {show(second.shape)}", ("img2",)
        )
    needs(shape[3], "the channel axis", "set the input's last size to a number")
    _check_filter(call, shape)
    return Tensor(shape[:1], first.dtype)


def _check_filter(call: Arguments, shape: Shape) -> None:
    size = call.settings["filter_size"]
    for name in ("max_val", "filter_sigma", "k1", "k2"):
        if call.settings[name] <= 0:
            raise Fault(
                "MS143", f"`{name}` must be above 0, found {call.settings[name]:g}", (name,)
            )
    if size < 1:
        raise Fault("MS143", f"`filter_size` must be at least 1, found {size}", ("filter_size",))
    if any(isinstance(one, int) and one < size for one in shape[1:3]):
        raise Fault(
            "MS402",
            f"a `filter_size` of {size} does not fit images of {shape[1]} x {shape[2]}",
            ("filter_size",) if "filter_size" in call.settings else (),
            help=f"use a `filter_size` of at most {min(known(one) or size for one in shape[1:3])}",
        )


# Padding ------------------------------------------------------------------------------------------


def pad(call: Arguments) -> Tensor:
    """`pad`: elements added before and after those of each axis."""
    x, widths = call.x, _widths(call)
    mode, value = check_choice(call, "mode", MODES), call.settings["constant_values"]
    if value is not None:
        _check_value(call, str(mode), value)
    if mode != "constant":
        for size, width in zip(x.shape, widths, strict=True):
            _check_mirrored(call, size, max(width), int(mode == "reflect"))
    return Tensor(
        tuple(add(size, sum(width)) for size, width in zip(x.shape, widths, strict=True)), x.dtype
    )


def padded_axes(call: Arguments) -> tuple[int, ...]:
    """The axes to which `pad` adds elements."""
    return tuple(axis for axis, width in enumerate(_widths(call)) if any(width))


def _widths(call: Arguments) -> tuple[tuple[int, int], ...]:
    widths: tuple[tuple[int, int], ...] = call.settings["pad_width"]
    if len(widths) != call.x.rank or any(size < 0 for width in widths for size in width):
        raise Fault(
            "MS143",
            f"`pad_width` must have one pair of integers for each of the {call.x.rank} axes of"
            f" {show(call.x.shape)}",
            ("pad_width",),
            help="begin with `[0, 0]` for the batch: `pad(x, [[0, 0], [1, 1]])`",
        )
    return widths


def _check_value(call: Arguments, mode: str, value: Any) -> None:
    """Raises `Fault` for a `constant_values` that the mode or the dtype does not support."""
    if mode != "constant":
        raise Fault(
            "MS143", f"`constant_values` has no effect with `mode='{mode}'`", ("constant_values",)
        )
    dtype = call.x.dtype
    if not is_float(dtype) and (isinstance(value, float) or dtype == "bool"):
        raise Fault(
            "MS404",
            f"`pad` of {dtype} cannot add {value:g}",
            ("constant_values",),
            help="cast the tensor first: `cast(x, 'float32')`",
        )
    check_fits(Constant(value, (0, 0)), dtype)


def _check_mirrored(call: Arguments, size: Size, width: int, less: int) -> None:
    if isinstance(size, int) and width > size - less:
        raise Fault(
            "MS402",
            f"`pad` mirrors at most {size - less} of {size} elements, found {width}:"
            f" {show(call.x.shape)}",
            ("pad_width",),
        )
