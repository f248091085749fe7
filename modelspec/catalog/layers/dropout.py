"""Dropout, and the base of layers that act in training only."""

from typing import ClassVar

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Shape, Tensor, may_equal, show

from .elementwise import Elementwise
from .facts import Takes
from .layer import Example, Inputs
from .saved import Saved, choices
from .setting_types import Count, Rate, Seed

ANY = (Example({"rate": 0.5}, ((None, 5),)), Example({"rate": 0.0, "seed": 1}, ((None, None, 5),)))


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
        *ANY,
        Example({"rate": 0.2, "noise_shape": (None, 1, None)}, ((None, 4, 5),)),
    )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.rate or not acts(inputs):
            return Saved(passes_on=True)
        return Saved(own=(choices(made[0], self.noise(made[0])),))
