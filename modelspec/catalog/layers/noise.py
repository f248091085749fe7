"""Layers that act in training only: noise, dropout of whole channels, and penalties."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.shapes import Tensor

from .common import need_float, without_trainable
from .dropout import ANY, Noise, RandomMask, acts
from .elementwise import Elementwise
from .facts import Takes
from .layer import Example, Inputs, need_rank
from .saved import Saved, choices
from .setting_types import DataFormat, Rate, Seed

OpenRate = Annotated[float, Field(ge=0, lt=1)]
"""A rate below 1: at 1 the compensating scale is infinite, and Keras fails in training."""

Penalty = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class GaussianNoise(Noise):
    """Adds Gaussian noise in training.

    ```yaml
    - GaussianNoise: 0.1
    ```

    Takes any shape and gives the same.
    """

    stddev: Rate
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = (Example({"stddev": 0.1}, ((None, 5),)),)

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        return "floats" if self.stddev > 0 else "any"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(passes_on=not self.stddev or not acts(inputs))


class AlphaDropout(RandomMask):
    """Dropout for self-normalizing networks, which preserves mean and variance.

    ```yaml
    - AlphaDropout: 0.1
    ```

    Takes any shape and gives the same. Use it with `selu` and `lecun_normal`. From Klambauer et
    al., 2017, https://arxiv.org/abs/1706.02515.
    """

    rate: OpenRate

    examples: ClassVar[tuple[Example, ...]] = (
        *ANY,
        Example({"rate": 0.2, "noise_shape": (None, 1, None)}, ((None, 4, 5),)),
    )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.rate or not acts(inputs):
            return Saved(passes_on=True)
        return Saved(own=(made[0]._replace(shape=self.noise(made[0])),))


class GaussianDropout(Noise):
    """Multiplies by Gaussian noise of mean 1 in training; `rate` is that of the equivalent dropout.

    ```yaml
    - GaussianDropout: 0.2
    ```

    Takes any shape and gives the same. From Srivastava et al., 2014,
    https://jmlr.org/papers/v15/srivastava14a.html.
    """

    drops_values = True
    keeps_sparse = "all"

    rate: OpenRate
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = ANY

    def takes_sparse(self, sparse: Sequence[Tensor], dense: Sequence[Tensor]) -> bool:
        return True

    def output(self, inputs: Inputs) -> Tensor:
        if self.rate > 0 and inputs.one.dtype != "bool":  # Keras converts booleans to numbers
            need_float(self, inputs.one)
        return super().output(inputs)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.rate or not acts(inputs):
            return Saved(passes_on=True)
        return Saved(own=made)


class SpatialDropout(Noise):
    """Base of SpatialDropout1D to 3D, which drop whole channels."""

    constructed_trainable = False
    drops_values = True
    axes: ClassVar[int]

    rate: Rate
    seed: Seed | None = None

    @model_validator(mode="after")
    def _has_nothing_to_train(self) -> Self:
        return without_trainable(self)

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        return "floats" if self.rate > 0 else "any"

    def output(self, inputs: Inputs) -> Tensor:
        need_rank(self, inputs.one, self.axes + 2)
        return super().output(inputs)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.rate or not acts(inputs):
            return Saved(passes_on=True)
        x = made[0]
        channels = 1 if getattr(self, "data_format", None) == "channels_first" else x.rank - 1
        together = tuple(size if axis in (0, channels) else 1 for axis, size in enumerate(x.shape))
        return Saved(own=(choices(x, together),))


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of a sequence.

    ```yaml
    - SpatialDropout1D: 0.2
    ```

    Takes (batch, time, channels) and gives the same. From Tompson et al., 2014,
    https://arxiv.org/abs/1411.4280.
    """

    axes: ClassVar[int] = 1

    examples: ClassVar[tuple[Example, ...]] = (Example({"rate": 0.5}, ((None, None, 5),)),)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of an image.

    ```yaml
    - SpatialDropout2D: 0.2
    ```

    Takes (batch, height, width, channels) and gives the same. From Tompson et al., 2014,
    https://arxiv.org/abs/1411.4280.
    """

    axes: ClassVar[int] = 2

    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({"rate": 0.5}, ((None, 4, None, 5),)),
        Example({"rate": 0.5, "data_format": "channels_first"}, ((None, 5, 4, 4),)),
    )


class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels of a volume.

    ```yaml
    - SpatialDropout3D: 0.2
    ```

    Takes (batch, depth, height, width, channels) and gives the same. From Tompson et al., 2014,
    https://arxiv.org/abs/1411.4280.
    """

    axes: ClassVar[int] = 3

    data_format: DataFormat = None

    examples: ClassVar[tuple[Example, ...]] = (Example({"rate": 0.5}, ((None, 4, 4, None, 5),)),)


class ActivityRegularization(Elementwise):
    """Adds a penalty on its input to the loss: `l1` times the sum of absolute values, `l2` times
    that of squares.

    ```yaml
    - ActivityRegularization: {l2: 0.001}
    ```

    Takes any shape and gives it unchanged.
    """

    keeps_values = "all"
    adds_to_loss = True

    l1: Penalty = 0.0
    l2: Penalty = 0.0

    examples: ClassVar[tuple[Example, ...]] = (Example({"l1": 0.1, "l2": 0.2}, ((None, 5),)),)

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        # Keras rounds the factors down to integers for an integer input, so nothing is penalized.
        return "floats" if self.l1 or self.l2 else "numbers"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=bool(self.l1 or self.l2), passes_on=True)
