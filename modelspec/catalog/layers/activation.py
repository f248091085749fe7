"""Activations that have settings or weights of their own: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Size, Tensor, needs, show

from .common import along_batch, axis_in, need_equal, need_float, need_number
from .facts import Takes
from .layer import ONE, Argument, Example, Inputs, Layer, Weight
from .setting_types import Constraint, Initializer, Number, Regularizer, either

_Slope = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Elementwise(Layer):
    """What layers share that leave the shape as it is and have no weights."""

    keeps_dtype = True
    supports_masking = True

    def output(self, inputs: Inputs) -> Tensor:
        need_number(self, inputs.one)
        return self.result(inputs.one.shape)


class ReLU(Elementwise):
    """Zero below `threshold`, the input itself above it, at most `max_value`.

    ```yaml
    - ReLU
    - ReLU: {max_value: 6.0, negative_slope: 0.1}
    ```

    Takes any shape and gives the same. Below the threshold the result is `negative_slope * (x -
    threshold)`.
    """

    takes_sparse = False
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
        # Keras's words for the slope mix whole numbers and fractions as soon as there is another
        # bound beside zero.
        bounded = self.threshold > 0 or self.max_value is not None
        return "floats" if self.negative_slope > 0 and bounded else "numbers"

    @property
    def like_activation(self) -> str | None:
        if self.negative_slope > 0:
            return "leaky_relu"
        return None if self.max_value is not None and self.max_value <= 1 else "relu"


class LeakyReLU(Elementwise):
    """The input itself above zero, `negative_slope` times the input below.

    ```yaml
    - LeakyReLU: 0.1
    ```

    Takes any shape and gives the same.
    """

    takes_sparse = False
    keeps_dtype = False
    prepares_data = True
    takes = "numbers"

    negative_slope: _Slope = 0.3

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 5),)),)

    @property
    def like_activation(self) -> str | None:
        return "leaky_relu" if self.negative_slope > 0 else "relu"


class ELU(Elementwise):
    """The input itself above zero, `alpha * (exp(x) - 1)` below.

    ```yaml
    - ELU: {alpha: 0.5}
    ```

    Takes any shape and gives the same. From Clevert et al., 2015, https://arxiv.org/abs/1511.07289.
    """

    takes_sparse = False
    prepares_data = True
    takes = "floats"

    alpha: Number = 1.0

    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((None, 5),)),)

    @property
    def like_activation(self) -> str | None:
        return "elu"


class PReLU(Elementwise):
    """A leaky ReLU whose slope is learned: one for each entry, or one along each of the
    `shared_axes`.

    ```yaml
    - PReLU
    - PReLU: {shared_axes: [1, 2]}
    ```

    Takes any shape with known sizes (but along shared axes) and gives the same. From He et al.,
    2015, https://arxiv.org/abs/1502.01852.
    """

    takes_sparse = False
    mixes_dtypes = False
    takes = "floats"

    alpha_initializer: Initializer = "Zeros"
    alpha_regularizer: Regularizer | None = None
    alpha_constraint: Constraint | None = None
    # Axes count from 1: Keras takes 0 and negative ones, but shares another axis than the one they
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


def sizes_but_shared(layer: Layer, shared_axes: Any, x: Tensor) -> tuple[Size, ...]:
    """The sizes of weights that every entry has its own of: 1 along shared axes, else known. The
    batch is left out.
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
    """Turns numbers along an axis (or several) into positive ones that sum to 1.

    ```yaml
    - Softmax
    - Softmax: {axis: [1, 2]}
    ```

    Takes any shape and gives the same. `mask` is true where an entry takes part; elsewhere the
    result is 0.
    """

    takes_sparse = False
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
        if mask is None:  # masking makes floating-point numbers of whole ones
            need_float(self, x)
        need_number(self, x)
        for axis in self.axis if isinstance(self.axis, tuple) else (self.axis,):
            axis_in(self, axis, x, "axis")
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
