"""Calls of functions on tensors that mostly fit them, drawn."""

from __future__ import annotations

from hypothesis import strategies as st

from modelspec.core.shapes import Tensor

from .draw import Case

_FLOATS = ("float32", "float32", "float32", "float64", "float16", "bfloat16")
_DTYPES = (*_FLOATS, "int32", "int32", "uint8", "int64", "int8", "bool")
_SMALL = st.sampled_from((1, 2, 3))
_AXES = st.sampled_from((-1, 1, 2, -2, 0))
_BOOL = st.booleans()
_PADDING = st.sampled_from(("valid", "same"))


def _shape(draw: st.DrawFn, rank: int, least: int = 1, most: int = 6) -> tuple[int, ...]:
    return tuple(draw(st.integers(least, most)) for _ in range(rank))


def _tensor(
    draw: st.DrawFn,
    *ranks: int,
    dtypes: tuple[str, ...] = _DTYPES,
    least: int = 1,
    most: int = 6,
) -> Tensor:
    rank = draw(st.sampled_from(ranks))
    return Tensor((None, *_shape(draw, rank, least, most)), draw(st.sampled_from(dtypes)))


@st.composite
def sorting(draw: st.DrawFn) -> Case:
    function = draw(st.sampled_from(("sort", "argsort")))
    return Case(f"{function}(a, axis={draw(_AXES)})", {"a": _tensor(draw, 1, 2)})


@st.composite
def top_k(draw: st.DrawFn) -> Case:
    k, which = draw(st.integers(0, 4)), draw(st.integers(0, 1))
    return Case(f"top_k(a, {k}, sorted={draw(_BOOL)})[{which}]", {"a": _tensor(draw, 1, 2)})


@st.composite
def take_along_axis(draw: st.DrawFn) -> Case:
    x = _tensor(draw, 1, 2, most=3)
    sizes = tuple(draw(st.sampled_from((1, size))) for size in x.shape[1:] if size is not None)
    indices = Tensor((None, *sizes), draw(st.sampled_from(("int32", "int64", "uint8", "float32"))))
    text = f"take_along_axis(a, b * 0, axis={draw(_AXES)})"
    return Case(text, {"a": x, "b": indices})


@st.composite
def segments(draw: st.DrawFn) -> Case:
    function = draw(st.sampled_from(("segment_sum", "segment_max")))
    ids = Tensor((None, *_shape(draw, draw(st.integers(0, 1)))), draw(st.sampled_from(_DTYPES)))
    count = draw(st.integers(0, 6))
    text = f"gather({function}(a, b * 0, {count}), b * 0)"
    return Case(text, {"a": _tensor(draw, 0, 1, 2), "b": ids})


@st.composite
def transforms(draw: st.DrawFn) -> Case:
    x = _tensor(draw, 0, 1, 2, dtypes=("float32", "float32", "float64", "float16", "int32"))
    length = draw(st.sampled_from((None, 1, 2, 5, 8)))
    which = draw(st.integers(0, 2))
    text = f"rfft(a, {length})[{which}]" if which < 2 else f"irfft([a, a], {length})"
    return Case(text, {"a": x})


@st.composite
def short_transforms(draw: st.DrawFn) -> Case:
    x = _tensor(draw, 1, 2, dtypes=("float32", "float32", "float64", "int32"), most=12)
    part, stride, length = draw(_SMALL), draw(_SMALL), draw(st.integers(1, 5))
    window = draw(st.sampled_from(("'hann'", "'hamming'", "None", "'other'")))
    settings = f"{part}, {stride}, {length}, window={window}, center={draw(_BOOL)}"
    if draw(_BOOL):
        return Case(f"stft(a, {settings})[{draw(st.integers(0, 1))}]", {"a": x})
    some = draw(st.sampled_from(("None", "None", "1", "4", "30")))
    return Case(f"istft([a, a], {settings}, length={some})", {"a": x})


@st.composite
def blocks(draw: st.DrawFn) -> Case:
    function = draw(st.sampled_from(("space_to_depth", "depth_to_space")))
    layout = draw(st.sampled_from(("channels_last", "channels_last", "channels_first")))
    x = _tensor(draw, 2, 3, 3, 3, 4)
    even = tuple(draw(st.sampled_from((2, 4, 8))) for _ in x.shape[1:])
    sizes = (None, *even) if draw(st.integers(0, 3)) else x.shape
    text = f"{function}(a, {draw(st.integers(1, 3))}, data_format='{layout}')"
    return Case(text, {"a": Tensor(sizes, x.dtype)})


@st.composite
def padding(draw: st.DrawFn) -> Case:
    x = _tensor(draw, 1, 2, 3, most=4)
    widths = [[draw(st.integers(0, 3)), draw(st.integers(0, 3))] for _ in x.shape[1:]]
    mode = draw(st.sampled_from(("constant", "constant", "reflect", "symmetric", "edge")))
    value = draw(st.sampled_from((None, None, None, 0, 2, 1.5)))
    text = f"pad(a, {[[0, 0], *widths]}, mode='{mode}', constant_values={value})"
    return Case(text, {"a": x})


@st.composite
def rolling(draw: st.DrawFn) -> Case:
    shift = draw(st.sampled_from(("1", "[1, 2]", "[3, -1]")))
    axis = draw(st.sampled_from(("1", "[1, 2]", "[2, 1]", "[1, 3]", "-1")))
    return Case(f"roll(a, {shift}, axis={axis})", {"a": _tensor(draw, 1, 2, 3)})


@st.composite
def images(draw: st.DrawFn) -> Case:
    x = _tensor(draw, 2, 3, 3, 3, 4)
    if draw(_BOOL):
        kind = draw(st.sampled_from(("bilinear", "nearest", "bicubic", "lanczos3", "area", "x")))
        sizes = [draw(st.integers(0, 5)), draw(st.integers(1, 5))]
        text = f"resize(a, {sizes}, interpolation='{kind}', antialias={draw(_BOOL)})"
        return Case(text, {"a": x})
    strides = draw(st.sampled_from(("None", "1", "2", "[1, 2]")))
    size = draw(st.sampled_from(("1", "2", "[2, 1]", "[1, 3]")))
    text = (
        f"patches(a, {size}, strides={strides}, padding='{draw(_PADDING)}',"
        f" dilation_rate={draw(st.sampled_from((1, 1, 2)))})"
    )
    return Case(text, {"a": x})


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    x = _tensor(draw, 2, 3, dtypes=("float32", "float32", "float64", "int32"))
    kernel = [draw(_SMALL) for _ in x.shape[1:-1]]
    channels = draw(st.sampled_from((x.shape[-1], x.shape[-1], 1, 2)))
    k = Tensor((None, *kernel, channels, draw(_SMALL)), draw(st.sampled_from((x.dtype, "float32"))))
    text = (
        f"convolve(a, b[0], strides={draw(_SMALL)}, padding='{draw(_PADDING)}',"
        f" dilation_rate={draw(st.sampled_from((1, 1, 2)))})"
    )
    return Case(text, {"a": x, "b": k})


CALLS = st.one_of(
    sorting(),
    top_k(),
    take_along_axis(),
    segments(),
    transforms(),
    short_transforms(),
    blocks(),
    padding(),
    rolling(),
    images(),
    convolutions(),
)
"""A call of any of these functions."""
