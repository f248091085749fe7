"""Spectrograms of audio: STFTSpectrogram, MelSpectrogram."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import refuse
from modelspec.core.shapes import (
    Shape,
    Size,
    Tensor,
    add,
    floordiv,
    known,
    mul,
    needs,
    product,
    window,
)

from .common import need_number
from .layer import Example, Inputs, Layer, Weight, need_rank
from .setting_types import Count, DataFormat, Number

WindowName = Literal[
    "hann",
    "hamming",
    "barthann",
    "bartlett",
    "blackman",
    "blackmanharris",
    "bohman",
    "boxcar",
    "cosine",
    "exponential",
    "flattop",
    "lanczos",
    "nuttall",
    "parzen",
    "taylor",
    "triang",
    "tukey",
]
"""The SciPy windows without required parameters."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class STFTSpectrogram(Layer):
    """The spectrogram of an audio signal: a short-time Fourier transform, computed as a
    convolution.

    ```yaml
    - STFTSpectrogram: {mode: log, frame_length: 256, frame_step: 128}
    ```

    Takes (batch, samples, channels), gives (batch, frames, channels * frequencies), or with
    `expand_dims` (batch, frames, frequencies, channels). The kernel is trainable; freeze it with
    `trainable: false`.
    """

    channels_last_on_cpu = True
    prepares_data = True

    mode: Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"] = "log"
    frame_length: Annotated[int, Field(ge=2)] = 256
    frame_step: Count | None = None
    fft_length: Count | None = None
    window: WindowName | None = "hann"
    periodic: bool = False
    scaling: Literal["density", "spectrum"] | None = "density"
    padding: Literal["valid", "same"] = "valid"
    expand_dims: bool = False
    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"frame_length": 16}, ((None, 100, 2),)),
        Example(
            {"mode": "stft", "frame_length": 3, "frame_step": 2, "fft_length": 8},
            ((None, None, 1),),
        ),
        Example(
            {"mode": "real", "frame_length": 16, "expand_dims": True, "padding": "same"},
            ((None, 100, 2),),
        ),
        Example(
            {"mode": "psd", "frame_length": 16, "data_format": "channels_first"}, ((None, 2, 100),)
        ),
    )

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if self.frame_step is not None and self.frame_step > self.frame_length:
            refuse(
                f"a `frame_step` of {self.frame_step} skips samples between frames of"
                f" {self.frame_length}",
                "MS208",
                "frame_step",
                help=f"use at most {self.frame_length}",
            )
        if self.fft_length is not None and self.fft_length < self.frame_length:
            refuse(
                f"an `fft_length` of {self.fft_length} is shorter than a frame of"
                f" {self.frame_length}",
                "MS208",
                "fft_length",
                help=f"use at least {self.frame_length}, preferably a power of two",
            )
        return self

    @property
    def frequencies(self) -> int:
        fft = self.fft_length or 1 << (self.frame_length - 1).bit_length()
        return fft // 2 + 1

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, 3)
        check_sound(self, x)
        first = self.data_format == "channels_first"
        channels = needs(
            x.shape[1 if first else 2],
            "the channel axis",
            "set the input's channel size to a number",
        )
        samples = x.shape[2 if first else 1]
        frames = window(
            samples, self.frame_length, self.frame_step or self.frame_length // 2, self.padding
        )
        if (known(frames) or 0) < 1 and known(frames) is not None:
            raise Fault(
                "MS402",
                f"a frame of {self.frame_length} does not fit the {samples} samples of the input",
                ("frame_length",),
                help=f"use `padding: same` or a `frame_length` of at most {samples}",
            )
        return self.result((x.shape[0], *self._axes(frames, channels)))

    def _axes(self, frames: Size, channels: Size) -> Shape:
        frequencies = self.frequencies * (2 if self.mode == "stft" else 1)
        first = self.data_format == "channels_first"
        if self.expand_dims:
            return (channels, frames, frequencies) if first else (frames, frequencies, channels)
        wide = mul(channels, frequencies)
        return (wide, frames) if first else (frames, wide)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        parts = {"real": ("real",), "imag": ("imag",)}.get(self.mode, ("real", "imag"))
        return tuple(
            self.weight(f"{part}_kernel", self.frame_length, 1, self.frequencies) for part in parts
        )

    def multiply_adds(self, inputs: Inputs) -> Size:
        x = inputs.one
        first = self.data_format == "channels_first"
        samples, channels = (x.shape[2], x.shape[1]) if first else (x.shape[1], x.shape[2])
        frames = window(
            samples, self.frame_length, self.frame_step or self.frame_length // 2, self.padding
        )
        return product(
            (frames, channels, self.frame_length, self.frequencies, len(self.weights(inputs)))
        )


def check_sound(layer: Layer, x: Tensor) -> None:
    """Raises MS404 unless the samples are floating-point numbers. Keras raises only when the model
    runs.
    """
    need_number(layer, x)
    if layer.cast(x.dtype) not in ("float16", "float32", "float64"):
        raise Fault(
            "MS404",
            f"`{layer.kind()}` takes float16, float32 or float64, found {layer.cast(x.dtype)}",
            help="give the input, or the layer, `dtype: float32`",
        )


class MelSpectrogram(Layer):
    """The mel spectrogram of an audio signal.

    ```yaml
    - MelSpectrogram:
        num_mel_bins: 64
        sampling_rate: 8000
        sequence_stride: 256
        fft_length: 2048
    ```

    Takes (batch, samples), gives (batch, num_mel_bins, frames). It has no trainable weights.
    """

    no_kernel_in = ("float64",)
    prepares_data = True

    fft_length: Count = 2048
    sequence_stride: Count = 512
    sequence_length: Count | None = None
    window: Literal["hann", "hamming"] | None = "hann"
    sampling_rate: Count = 16000
    num_mel_bins: Count = 128
    min_freq: Positive = 20.0
    max_freq: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    power_to_db: bool = True
    top_db: Number = 80.0
    mag_exp: Number = 2.0
    min_power: Positive = 1e-10
    ref_power: Number = 1.0

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"fft_length": 64, "sequence_stride": 16, "num_mel_bins": 8}, ((None, 200),)),
        Example(
            {"fft_length": 4, "sequence_stride": 2, "sequence_length": 3, "num_mel_bins": 2},
            ((None, None),),
        ),
    )

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if self.sequence_length is not None and self.sequence_length > self.fft_length:
            refuse(
                f"an `fft_length` of {self.fft_length} is shorter than a frame of"
                f" {self.sequence_length}",
                "MS208",
                "fft_length",
                help=f"use at least {self.sequence_length}",
            )
        return self

    @property
    def one_at_a_time(self) -> bool:
        return self.power_to_db  # decibels are relative to the loudest signal of the batch

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        need_rank(self, x, 2)
        need_number(self, x)
        samples = x.shape[1]
        if isinstance(samples, int) and samples <= self.fft_length // 2:
            # The signal is mirrored at its ends, by half of `fft_length`.
            raise Fault(
                "MS402",
                f"an `fft_length` of {self.fft_length} does not fit {samples} samples",
                ("fft_length",),
                help=f"use at most {max(2 * samples - 1, 1)}, or longer signals",
            )
        frames = add(floordiv(samples, self.sequence_stride), 1)
        if isinstance(samples, int) and (samples + 1) % self.sequence_stride == 0:
            frames = None  # Keras reports one more than it computes
        return self.result((x.shape[0], self.num_mel_bins, frames))
