"""Layers that act in training only: dropout and noise."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, may_equal, show

from .activation import Elementwise
from .common import need_float, without_trainable
from .facts import Takes
from .layer import Example, Inputs, need_rank
from .saved import Saved, choices
from .setting_types import Count, DataFormat, Rate, Seed

OpenRate = Annotated[float, Field(ge=0, lt=1)]
"""A rate below 1: at 1 the compensating scale is infinite, and Keras fails in training."""
Penalty = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_ANY = (Example({"rate": 0.5}, ((None, 5),)), Example({"rate": 0.0, "seed": 1}, ((None, None, 5),)))


def acts(inputs: Inputs) -> bool:
    """Whether a call changes values in training."""
    return inputs.option("training") is not False


class Noise(Elementwise):
    """Base of layers that change values at random, in training only."""

    training_only = True
    moves_values = False
    keeps_values = "some"


class RandomMask(Noise):
    """Base of Dropout and similar layers with a noise shape."""

    drops_values = True

    rate: Rate
    noise_shape: tuple[Count | None, ...] | None = None
    seed: Seed | None = None

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        return "floats" if self.rate > 0 else "any"

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        # Keras checks the noise shape only when training runs.
        if self.noise_shape is not None and not self._stretches_to(x.shape, self.noise_shape):
            shown = ", ".join("null" if size is None else str(size) for size in self.noise_shape)
            raise Fault(
                "MS403",
                f"noise of shape ({shown}) does not match the input {show(x.shape)}",
                ("noise_shape",),
                help=(
                    "give one size for each axis, including the batch axis: `null` for the full"
                    " size, 1 to share the noise along it"
                ),
            )
        return super().output(inputs)

    @staticmethod
    def _stretches_to(shape: Shape, noise: tuple[int | None, ...]) -> bool:
        """Whether the noise can be broadcast to the shape: it is aligned at the last axes, and
        `null` is allowed for one of the first.
        """
        moved = len(shape) - len(noise)
        return moved >= 0 and all(
            _fits(shape, place, place + moved, wanted) for place, wanted in enumerate(noise)
        )

    def noise(self, x: Tensor) -> Shape:
        """The shape of the dropout mask."""
        if self.noise_shape is None:
            return x.shape
        noise = (*(1,) * (x.rank - len(self.noise_shape)), *self.noise_shape)
        return tuple(
            size if wanted is None else wanted for size, wanted in zip(x.shape, noise, strict=True)
        )


def _fits(shape: Shape, place: int, axis: int, wanted: int | None) -> bool:
    """Whether a size of the noise shape fits its axis."""
    size = shape[place] if wanted is None else wanted
    if size == 1 or (wanted is None and place == axis):
        return True
    # The number of examples varies between batches, so no other size equals it reliably.
    of_examples = axis == 0 or (wanted is None and place == 0)
    return may_equal(size, shape[axis]) and not (of_examples and shape[0] is None)


class Dropout(RandomMask):
    """Sets a random fraction of the input units to 0 in training, and scales up the others so that
    the expected sum is unchanged.

    ```yaml
    - Dropout: 0.2
    - Dropout: {rate: 0.2, noise_shape: [null, 1, null]}
    ```

    Takes any shape and gives the same. `noise_shape` has one size for each axis: an axis of size 1
    shares the mask along it. From Srivastava et al., 2014,
    https://jmlr.org/papers/v15/srivastava14a.html.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        *_ANY,
        Example({"rate": 0.2, "noise_shape": (None, 1, None)}, ((None, 4, 5),)),
    )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.rate or not acts(inputs):
            return Saved(passes_on=True)
        return Saved(own=(choices(made[0], self.noise(made[0])),))


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
        *_ANY,
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

    examples: ClassVar[tuple[Example, ...]] = _ANY

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
        # Keras rounds the factors down to integers for an integer input: there is no penalty.
        return "floats" if self.l1 or self.l2 else "numbers"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=bool(self.l1 or self.l2), passes_on=True)
