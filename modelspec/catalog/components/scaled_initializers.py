"""Random initializers that depend on the number of inputs and outputs of a weight."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from modelspec.core.settings import refuse
from modelspec.core.shapes import Tensor, show

from .initializers import Seeded
from .setting_types import AxisList, Positive


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
