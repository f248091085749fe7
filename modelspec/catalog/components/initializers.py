"""Initializers: the initial values of a layer's weights."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.settings import Unfit, refuse
from modelspec.core.shapes import Tensor, may_equal, show

from .setting_types import AxisList, Component, NonNegative, Positive

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


class Initializer(Component):
    keras_module: ClassVar[str] = "initializers"

    def misfit(self, weight: Tensor) -> str | None:
        """The reason why it cannot initialize a weight of this type, as the end of a sentence; None
        if it can.
        """
        return None


class Seeded(Initializer):
    """A random initializer. With a seed it gives the same values each time."""

    common: ClassVar[tuple[str, ...]] = ("seed",)

    seed: int | None = None
    """The seed of the random numbers; `null` derives one from the `seed` of the spec."""


class Zeros(Initializer):
    """All zeros.

    ```yaml
    bias_initializer: zeros
    ```
    """


class Ones(Initializer):
    """All ones.

    ```yaml
    gamma_initializer: ones
    ```
    """


class Constant(Initializer):
    """A constant.

    ```yaml
    bias_initializer: {Constant: 0.1}
    ```
    """

    value: float = 0.0


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


class RandomNormal(Seeded):
    """Draws from a normal distribution.

    ```yaml
    kernel_initializer: {RandomNormal: {stddev: 0.01}}
    ```
    """

    mean: float = 0.0
    stddev: NonNegative = 0.05


class TruncatedNormal(Seeded):
    """Draws from a normal distribution, and redraws values more than two standard deviations from
    the mean.

    ```yaml
    kernel_initializer: {TruncatedNormal: {stddev: 0.02}}
    ```
    """

    mean: float = 0.0
    stddev: NonNegative = 0.05


class RandomUniform(Seeded):
    """Draws from a uniform distribution between two numbers.

    ```yaml
    embeddings_initializer: {RandomUniform: {minval: -0.1, maxval: 0.1}}
    ```
    """

    minval: float = -0.05
    maxval: float = 0.05

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.minval > self.maxval:
            refuse(
                f"minval {self.minval} is above maxval {self.maxval}",
                "MS208",
                "minval",
                help="swap the two",
            )
        return self


class Scaled(Seeded):
    """Base of initializers that depend on the number of inputs and outputs of a weight."""

    common: ClassVar[tuple[str, ...]] = ()

    input_axes: AxisList | None = None
    """The axes of the weight that count as inputs, for a weight that is neither a matrix nor a
    convolution kernel.
    """
    output_axes: AxisList | None = None

    @model_validator(mode="after")
    def _both_axes(self) -> Self:
        # Keras accepts one without the other, and ignores it.
        for given, other in (("input_axes", "output_axes"), ("output_axes", "input_axes")):
            if getattr(self, given) is not None and getattr(self, other) is None:
                refuse(
                    f"`{given}` has no effect without `{other}`",
                    "MS208",
                    given,
                    help=f"set `{other}` too",
                )
        return self

    def misfit(self, weight: Tensor) -> str | None:
        axes = (*(self.input_axes or ()), *(self.output_axes or ()))
        wrong = [axis for axis in axes if not -weight.rank <= axis < weight.rank]
        return f"uses axis {wrong[0]}, found {show(weight.shape)}" if wrong else None


class VarianceScaling(Scaled):
    """Draws with a variance that depends on the number of inputs or outputs of the weight.

    ```yaml
    kernel_initializer:
      VarianceScaling: {scale: 2.0, mode: fan_out, distribution: untruncated_normal}
    ```
    """

    common: ClassVar[tuple[str, ...]] = ("seed", "input_axes", "output_axes")

    scale: Positive = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "untruncated_normal", "normal", "uniform"] = (
        "truncated_normal"
    )
    """The distribution of the values: `truncated_normal` (also `normal`), `untruncated_normal` or
    `uniform`.
    """


class GlorotNormal(Scaled):
    """A truncated normal distribution with variance 2 / (inputs + outputs); also called Xavier.

    ```yaml
    kernel_initializer: glorot_normal
    ```

    Glorot and Bengio, 2010: http://proceedings.mlr.press/v9/glorot10a.html
    """


class GlorotUniform(Scaled):
    """A uniform distribution with variance 2 / (inputs + outputs); the default of most kernels.

    ```yaml
    kernel_initializer: {GlorotUniform: {seed: 1}}
    ```

    Glorot and Bengio, 2010: http://proceedings.mlr.press/v9/glorot10a.html
    """


class HeNormal(Scaled):
    """A truncated normal distribution with variance 2 / inputs, for layers with ReLU.

    ```yaml
    kernel_initializer: he_normal
    ```

    He et al., 2015: https://arxiv.org/abs/1502.01852
    """


class HeUniform(Scaled):
    """A uniform distribution with variance 2 / inputs, for layers with ReLU.

    ```yaml
    kernel_initializer: {HeUniform: {seed: 7}}
    ```

    He et al., 2015: https://arxiv.org/abs/1502.01852
    """


class LecunNormal(Scaled):
    """A truncated normal distribution with variance 1 / inputs, for layers with SELU.

    ```yaml
    kernel_initializer: lecun_normal
    ```

    Klambauer et al., 2017: https://arxiv.org/abs/1706.02515
    """


class LecunUniform(Scaled):
    """A uniform distribution with variance 1 / inputs.

    ```yaml
    kernel_initializer: lecun_uniform
    ```

    Klambauer et al., 2017: https://arxiv.org/abs/1706.02515
    """


class Orthogonal(Seeded):
    """A random matrix with orthogonal rows or columns; for weights with at least two axes.

    ```yaml
    recurrent_initializer: {Orthogonal: {gain: 1.4}}
    ```

    Saxe et al., 2014: https://openreview.net/forum?id=_wzZwKpTDF_9C
    """

    gain: float = 1.0

    def misfit(self, weight: Tensor) -> str | None:
        if weight.rank < 2:
            return f"creates a weight with at least two axes, found {show(weight.shape)}"
        # TensorFlow has no matrix decomposition for it.
        return "cannot be computed in bfloat16" if weight.dtype == "bfloat16" else None
