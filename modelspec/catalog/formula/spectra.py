"""Type rules of Fourier transforms: `rfft`, `irfft`, `stft`, `istft`. Complex numbers are two
tensors, the real and the imaginary part, as in Keras.
"""

from __future__ import annotations

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Size, Tensor, add, floordiv, known, mul, show, window

from .chosen import check_choice
from .elementwise import Arguments, require_equal

WINDOWS = ("hann", "hamming")
_DTYPES = ("float32", "float64")


def rfft(call: Arguments) -> tuple[Tensor, Tensor]:
    """`rfft`: the transform of the last axis."""
    x = call.x
    _check(call, x, 1)
    length = _at_least(call, "fft_length", 1)
    size = add(floordiv(x.shape[-1] if length is None else length, 2), 1)
    found = Tensor((*x.shape[:-1], size), x.dtype)
    return found, found


def irfft(call: Arguments) -> Tensor:
    """`irfft`: the inverse of `rfft`."""
    real = _complex(call, 1)
    length = _at_least(call, "fft_length", 1)
    size = mul(add(real.shape[-1], -1), 2) if length is None else length
    if size == 0:
        raise Fault(
            "MS407",
            f"`irfft` of one frequency has no elements: {show(real.shape)}",
            help="set `fft_length`",
        )
    return Tensor((*real.shape[:-1], size), real.dtype)


def last_axis(call: Arguments) -> tuple[int, ...]:
    """The axis that `rfft`, `irfft` and `stft` transform."""
    return (_first(call).rank - 1,)


def stft(call: Arguments) -> tuple[Tensor, Tensor]:
    """`stft`: the transforms of consecutive parts of the last axis."""
    x = call.x
    _check(call, x, 1)
    _, stride, length = _lengths(call)
    samples = x.shape[-1]
    if call.settings["center"]:
        _check_mirrored(samples, length)
        samples = add(samples, length // 2 * 2)
    frames = window(samples, length, stride, "valid")
    if (known(frames) or 1) < 1 or frames == 0:
        raise Fault(
            "MS402",
            f"an `fft_length` of {length} does not fit {samples} samples",
            ("fft_length",),
            help="use a shorter one, or `center=True`",
        )
    found = Tensor((*x.shape[:-1], frames, length // 2 + 1), x.dtype)
    return found, found


def _check_mirrored(samples: Size, length: int) -> None:
    """Raises MS402 if a signal is too short to be mirrored at its ends."""
    if isinstance(samples, int) and samples <= length // 2:
        raise Fault(
            "MS402",
            f"an `fft_length` of {length} does not fit {samples} samples, which are mirrored at"
            " their ends",
            ("fft_length",),
            help=f"use at most {max(2 * samples - 1, 1)}, or `center=False`",
        )


def istft(call: Arguments) -> Tensor:
    """`istft`: the inverse of `stft`."""
    real = _complex(call, 2)
    _, stride, length = _lengths(call)
    wanted = _at_least(call, "length", 1)
    cut = length // 2 if call.settings["center"] else 0
    if call.settings["center"] and not cut:
        raise Fault(
            "MS407",
            "`istft` with an `fft_length` of 1 and `center=True` has no elements",
            ("fft_length",),
            help="use `center=False`",
        )
    whole = add(mul(add(real.shape[-2], -1), stride), length)
    samples = add(whole, -2 * cut) if wanted is None else wanted
    left = known(add(whole, -cut))
    count = known(samples)
    if count is not None and (count < 1 or (left is not None and count > left)):
        raise Fault(
            "MS407",
            f"`istft` of {real.shape[-2]} frames has {whole} samples, of which {samples} cannot be"
            " taken",
            ("length",),
            help="leave `length` out, or use a shorter one",
        )
    return Tensor((*real.shape[:-2], samples), real.dtype)


def last_two_axes(call: Arguments) -> tuple[int, ...]:
    """The axes that `istft` transforms."""
    rank = _first(call).rank
    return (rank - 2, rank - 1)


def _first(call: Arguments) -> Tensor:
    found = call.tensors["x"]
    return found if isinstance(found, Tensor) else call.several("x")[0]


def _complex(call: Arguments, axes: int) -> Tensor:
    """The real part of complex numbers. Raises `Fault` unless both parts have the same type."""
    real, imaginary = call.several("x")
    for part in (real, imaginary):
        _check(call, part, axes)
    if real.rank != imaginary.rank:
        raise Fault(
            "MS401",
            f"the real and the imaginary part of `{call.function}` have different axes:"
            f" {show(real.shape)} and {show(imaginary.shape)}",
        )
    for axis, (a, b) in enumerate(zip(real.shape, imaginary.shape, strict=True)):
        require_equal(f"axis {axis} of `{call.function}`", a, b, real.shape, imaginary.shape)
    if real.dtype != imaginary.dtype:
        raise Fault(
            "MS404",
            f"the real and the imaginary part of `{call.function}` have the dtypes {real.dtype}"
            f" and {imaginary.dtype}",
            help=f"cast one of them: `cast(x, '{real.dtype}')`",
        )
    return real


def _lengths(call: Arguments) -> tuple[int, int, int]:
    """The lengths of a part, between parts, and of a transform. Raises MS143."""
    names = ("sequence_length", "sequence_stride", "fft_length")
    part, stride, length = (_at_least(call, name, 1) or 1 for name in names)
    check_choice(call, "window", WINDOWS, optional=True)
    if length < part:
        raise Fault(
            "MS143",
            f"`fft_length` must be at least `sequence_length`, found {length} and {part}",
            ("fft_length",),
        )
    return part, stride, length


def _at_least(call: Arguments, name: str, least: int) -> int | None:
    found: int | None = call.settings[name]
    if found is not None and found < least:
        raise Fault("MS143", f"`{name}` must be at least {least}, found {found}", (name,))
    return found


def _check(call: Arguments, x: Tensor, axes: int) -> None:
    if x.rank < axes:
        raise Fault("MS401", f"`{call.function}` takes at least {axes} axes, found {show(x.shape)}")
    if x.dtype not in _DTYPES:
        raise Fault(
            "MS404",
            f"`{call.function}` takes float32 or float64, found {x.dtype}",
            help="cast the tensor first: `cast(x, 'float32')`",
        )
