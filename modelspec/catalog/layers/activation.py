"""Activation layers with settings or weights: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Size, Tensor, needs, show

from .common import along_batch, axes_in, need_equal, need_float, need_number
from .elementwise import Elementwise
from .facts import Takes
from .layer import ONE, Argument, Example, Inputs, Layer, Weight
from .saved import Saved, choices
from .setting_types import Constraint, Initializer, Number, Regularizer, either

_Slope = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ReLU(Elementwise):
    """Zero below `threshold`, the input above it, at most `max_value`.

    ```yaml
    - ReLU
    - ReLU: {max_value: 6.0, negative_slope: 0.1}
    ```

    Takes any shape and gives the same. Below the threshold the result is `negative_slope * (x -
    threshold)`.
    """

    prepares_data = True

    max_value: _Slope | None = None
    negative_slope: _Slope = 0.0
    threshold: _Slope = 0.0

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0}, ((None, None, 5),)),
    )

    @property
    def takes(self) -> Takes:  # type: ignore[override]  # the settings decide
        # Keras's implementation mixes integers and fractions if there is a bound other than zero.
        bounded = self.threshold > 0 or self.max_value is not None
        return "floats" if self.negative_slope > 0 and bounded else "numbers"

    @property
    def like_activation(self) -> str | None:
        if self.negative_slope > 0:
            return "leaky_relu"
        return None if self.max_value is not None and self.max_value <= 1 else "relu"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = made[0]
        if not self.negative_slope and not self.threshold:
            return Saved(outputs=True)
        return Saved(own=(x, x, x, choices(x)))


class LeakyReLU(Elementwise):
    """The input above zero, `negative_slope` times the input below.

    ```yaml
    - LeakyReLU: 0.1
    ```

    Takes any shape and gives the same.
    """

    keeps_dtype = False
    prepares_data = True
    takes = "numbers"

    negative_slope: _Slope = 0.3

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 5),)),)

    @property
    def like_activation(self) -> str | None:
        return "leaky_relu" if self.negative_slope > 0 else "relu"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=True)


class ELU(Elementwise):
    """The input above zero, `alpha * (exp(x) - 1)` below.

    ```yaml
    - ELU: {alpha: 0.5}
    ```

    Takes any shape and gives the same. From Clevert et al., 2015, https://arxiv.org/abs/1511.07289.
    """

    prepares_data = True
    takes = "floats"

    alpha: Number = 1.0

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 5),)),)

    @property
    def like_activation(self) -> str | None:
        return "elu"

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(outputs=True)


class PReLU(Elementwise):
    """A leaky ReLU with a learned slope for each element, shared along the `shared_axes`.

    ```yaml
    - PReLU
    - PReLU: {shared_axes: [1, 2]}
    ```

    Takes any shape with known sizes (except along shared axes) and gives the same. From He et al.,
    2015, https://arxiv.org/abs/1502.01852.
    """

    mixes_dtypes = False
    takes = "floats"

    alpha_initializer: Initializer = "Zeros"
    alpha_regularizer: Regularizer | None = None
    alpha_constraint: Constraint | None = None
    # Axes count from 1: Keras accepts 0 and negative axes, but shares a different axis than they
    # name.
    shared_axes: Annotated[Any, either(int, least=1)] | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"shared_axes": (1, 2)}, ((None, None, 4, 3),)),
        Example({"shared_axes": 1}, ((None, 4, 3),)),
    )

    @property
    def like_activation(self) -> str | None:
        return "leaky_relu"

    def output(self, inputs: Inputs) -> Tensor:
        sizes_but_shared(self, self.shared_axes, inputs.one)
        return super().output(inputs)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return (self.weight("alpha", *sizes_but_shared(self, self.shared_axes, inputs.one)),)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(own=(made[0], made[0]))


def sizes_but_shared(layer: Layer, shared_axes: Any, x: Tensor) -> tuple[Size, ...]:
    """The sizes of weights with one value per element: 1 along shared axes, else known. The batch
    axis is excluded.
    """
    shared = (shared_axes,) if isinstance(shared_axes, int) else shared_axes or ()
    for axis in shared:
        if axis >= x.rank:
            raise Fault(
                "MS407",
                f"`{layer.kind()}` shares axis {axis}, but its input has {x.rank} axes: "
                f"{show(x.shape)}",
                ("shared_axes",),
                help=f"use axes from 1 to {x.rank - 1}" if x.rank > 1 else None,
            )
    return tuple(
        (
            1
            if axis in shared
            else needs(
                size, f"axis {axis}", f"share it: `{layer.kind()}: {{shared_axes: [{axis}]}}`"
            )
        )
        for axis, size in enumerate(x.shape)
        if axis
    )


class Softmax(Layer):
    """Normalizes values along an axis (or several) to positive numbers that sum to 1.

    ```yaml
    - Softmax
    - Softmax: {axis: [1, 2]}
    ```

    Takes any shape and gives the same. `mask` is true for the elements to include; the result is 0
    elsewhere.
    """

    supports_masking = True
    masks_entries = True
    activation_function = "softmax"
    prepares_data = True
    arguments: ClassVar[tuple[Argument, ...]] = (*ONE, Argument("mask", required=False))

    axis: Annotated[Any, either(int)] = -1

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"axis": (1, 2)}, ((None, 4, 5),)),
        Example({"axis": 1}, {"inputs": (None, None, 5), "mask": (None, 1, 5)}),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = inputs.one
        mask = inputs.tensor("mask")
        if mask is None:  # masking converts integers to floating-point numbers
            need_float(self, x)
        need_number(self, x)
        axes_in(self, self.axis if isinstance(self.axis, tuple) else (self.axis,), x, "axis")
        if mask:
            self._check_mask(x, mask)
        return self.result(x.shape)

    def across_examples(self, inputs: Inputs) -> Fault | None:
        return along_batch(
            self, inputs.one, self.axis if isinstance(self.axis, tuple) else (self.axis,)
        )

    def _check_mask(self, x: Tensor, mask: Tensor) -> None:
        shapes = (x.shape, mask.shape)
        if mask.rank > x.rank:
            raise Fault(
                "MS401",
                f"the mask has {mask.rank} axes, more than the {x.rank} of the input it masks: "
                f"{show(mask.shape)} and {show(x.shape)}",
                argument="mask",
            )
        for a, b in zip(reversed(x.shape), reversed(mask.shape), strict=False):
            if b != 1:
                need_equal(
                    a, b, "the sizes of input and mask along an axis", shapes, argument="mask"
                )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        own = made if isinstance(self.axis, tuple) else ()
        return Saved(outputs=True, own=own)
