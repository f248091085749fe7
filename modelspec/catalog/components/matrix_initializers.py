"""Initializers of whole matrices and kernels: Identity, STFT."""

from typing import Annotated, Literal

from pydantic import PlainValidator

from modelspec.core.settings import Unfit
from modelspec.core.shapes import Tensor, may_equal, show

from .initializers import Initializer

WINDOWS = (
    "barthann",
    "brthan",
    "bth",
    "bartlett",
    "bart",
    "brt",
    "blackman",
    "black",
    "blk",
    "blackmanharris",
    "blackharr",
    "bkh",
    "bohman",
    "bman",
    "bmn",
    "boxcar",
    "box",
    "ones",
    "rect",
    "rectangular",
    "cosine",
    "halfcosine",
    "exponential",
    "poisson",
    "flattop",
    "flat",
    "flt",
    "hamming",
    "hamm",
    "ham",
    "hann",
    "han",
    "lanczos",
    "sinc",
    "nuttall",
    "nutl",
    "nut",
    "parzen",
    "parz",
    "par",
    "taylor",
    "taylorwin",
    "triangle",
    "triang",
    "tri",
    "tukey",
    "tuk",
)
"""The windows of `scipy.signal.get_window` without required parameters."""


class Identity(Initializer):
    """A multiple of the identity matrix; only for weights with two axes.

    ```yaml
    recurrent_initializer: {Identity: {gain: 0.5}}
    ```
    """

    gain: float = 1.0

    def misfit(self, weight: Tensor) -> str | None:
        return None if weight.rank == 2 else f"creates a matrix, found {show(weight.shape)}"


def _window(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value in WINDOWS):
        return value
    raise Unfit(
        "the name of a window without parameters (`hann`, `hamming`, `blackman`, ...)", code="MS205"
    )


class STFT(Initializer):
    """The real or imaginary part of a short-time Fourier transform, for the kernel of a 1D
    convolution.

    ```yaml
    kernel_initializer: {STFT: {side: imag, window: hamming}}
    ```
    """

    side: Literal["real", "imag"] = "real"
    window: Annotated[
        str | None, PlainValidator(_window, json_schema_input_type=Literal[WINDOWS] | None)
    ] = "hann"
    """The name of a window of `scipy.signal.get_window`; `null` applies none."""
    scaling: Literal["density", "spectrum"] | None = "density"
    periodic: bool = False

    def misfit(self, weight: Tensor) -> str | None:
        if weight.rank == 3 and may_equal(weight.shape[1], 1):
            return None
        return f"creates a kernel (steps, 1, bands), found {show(weight.shape)}"
