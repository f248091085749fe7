"""Layers that act in training only: dropout and noise."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, may_equal, show

from .activation import Elementwise
from .common import need_float, without_trainable
from .facts import Takes
from .layer import Example, Inputs, need_rank
from .setting_types import Count, DataFormat, Rate, Seed

OpenRate = Annotated[float, Field(ge=0, lt=1)]
"""A rate below 1: at 1 the scale that makes up for what is dropped is infinite, and Keras fails in
training.
"""
Penalty = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_ANY = (Example({"rate": 0.5}, ((None, 5),)), Example({"rate": 0.0, "seed": 1}, ((None, None, 5),)))


class Noise(Elementwise):
    """What layers share that change entries at random, in training only."""

    training_only = True
    moves_values = False
    keeps_values = "some"


class RandomMask(Noise):
    """What Dropout and its kin share that let entries drop in a pattern of a given shape."""

    takes_sparse = False
    drops_values = True

    rate: Rate
    noise_shape: tuple[Count | None, ...] | None = None
    seed: Seed | None = None

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        return "floats" if self.rate > 0 else "any"

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        # Keras looks at the noise shape only once training runs.
        if self.noise_shape is not None and not self._stretches_to(x.shape, self.noise_shape):
            shown = ", ".join("null" if size is None else str(size) for size in self.noise_shape)
            raise Fault(
                "MS403",
                f"noise of shape ({shown}) does not fit the input {show(x.shape)}",
                ("noise_shape",),
                help=(
                    "give one size for each axis, the batch axis included: `null` for all of it, 1"
                    " to share the noise along it"
                ),
            )
        return super().output(inputs)

    @staticmethod
    def _stretches_to(shape: Shape, noise: tuple[int | None, ...]) -> bool:
        """Whether the noise can be stretched to the shape: it stands at the last axes, `null` for
        one of the first.
        """
        if len(noise) > len(shape):
            return False
        sizes = [
            size if wanted is None else wanted for wanted, size in zip(noise, shape, strict=False)
        ]
        pairs = zip(reversed(sizes), reversed(shape), strict=False)
        return all(size == 1 or may_equal(size, full) for size, full in pairs)


class Dropout(RandomMask):
    """Sets a share of the entries to zero in training and scales the others up, so that the sum is
    kept on average.

    ```yaml
    - Dropout: 0.2
    - Dropout: {rate: 0.2, noise_shape: [null, 1, null]}
    ```

    Takes any shape and gives the same. `noise_shape` has one size for each axis: along an axis of
    size 1 entries drop together. From Srivastava et al., 2014,
    https://jmlr.org/papers/v15/srivastava14a.html.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        *_ANY,
        Example({"rate": 0.2, "noise_shape": (None, 1, None)}, ((None, 4, 5),)),
    )


class GaussianNoise(Noise):
    """Adds normal noise in training.

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


class AlphaDropout(RandomMask):
    """Dropout for self-normalizing networks: dropped entries take the value that keeps mean and
    variance.

    ```yaml
    - AlphaDropout: 0.1
    ```

    Takes any shape and gives the same. Goes with `selu` and `lecun_normal`. From Klambauer et al.,
    2017, https://arxiv.org/abs/1706.02515.
    """

    rate: OpenRate

    examples: ClassVar[tuple[Example, ...]] = (
        *_ANY,
        Example({"rate": 0.2, "noise_shape": (None, 1, None)}, ((None, 4, 5),)),
    )


class GaussianDropout(Noise):
    """Multiplies by normal noise of mean 1 in training; `rate` is that of the dropout it stands
    for.

    ```yaml
    - GaussianDropout: 0.2
    ```

    Takes any shape and gives the same. From Srivastava et al., 2014,
    https://jmlr.org/papers/v15/srivastava14a.html.
    """

    drops_values = True

    rate: OpenRate
    seed: Seed | None = None

    examples: ClassVar[tuple[Example, ...]] = _ANY

    def output(self, inputs: Inputs) -> Tensor:
        if self.rate > 0 and inputs.one.dtype != "bool":  # Keras makes numbers of booleans
            need_float(self, inputs.one)
        return super().output(inputs)


class SpatialDropout(Noise):
    """What SpatialDropout1D to 3D share: they drop whole channels."""

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

    Takes any shape and gives it as it is.
    """

    takes_sparse = False
    keeps_values = "all"
    adds_to_loss = True

    l1: Penalty = 0.0
    l2: Penalty = 0.0

    examples: ClassVar[tuple[Example, ...]] = (Example({"l1": 0.1, "l2": 0.2}, ((None, 5),)),)

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        # Keras cuts the factors to whole numbers beside whole numbers: there is no penalty.
        return "floats" if self.l1 or self.l2 else "numbers"
