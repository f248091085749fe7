"""Activation layers with learned shapes of Keras 1: SReLU, ParametricSoftplus."""

from typing import Annotated, Any, ClassVar

from modelspec.core.shapes import Tensor

from .activation import sizes_but_shared
from .elementwise import Elementwise
from .facts import Takes
from .layer import Example, Inputs, Layer, Weight
from .saved import Saved, choices
from .setting_types import Initializer, either

SharedAxes = Annotated[Any, either(int, least=1)]
"""An axis or several, counted from 1, along which the weights are shared."""


class Curve(Elementwise):
    """Base of both: weights for each element, shared along some axes, in the order of `curve`."""

    keras_module: ClassVar[str] = "modelspec"
    takes: ClassVar[Takes] = "any"
    keeps_dtype = False
    common: ClassVar[tuple[str, ...]] = (*Layer.common, "shared_axes")
    curve: ClassVar[tuple[str, ...]]

    shared_axes: SharedAxes | None = None

    def output(self, inputs: Inputs) -> Tensor:
        sizes_but_shared(self, self.shared_axes, inputs.one)
        return super().output(inputs)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        sizes = sizes_but_shared(self, self.shared_axes, inputs.one)
        return tuple(self.weight(name, *sizes) for name in self.curve)


class SReLU(Curve):
    """An S-shaped activation of three line segments, with learned thresholds and outer slopes.

    ```yaml
    - SReLU
    - SReLU: {shared_axes: [1, 2]}
    ```

    Takes any shape with known sizes (except along shared axes) and gives the same. Between `t_left`
    and `t = t_left + |t_right|` the input; below, `t_left + a_left * (x - t_left)`; above, `t +
    a_right * (x - t)`. From Jin et al., 2015, https://arxiv.org/abs/1512.07030.
    """

    curve: ClassVar[tuple[str, ...]] = ("t_left", "a_left", "t_right", "a_right")

    t_left_initializer: Initializer = "zeros"
    a_left_initializer: Initializer = "glorot_uniform"
    t_right_initializer: Initializer = "glorot_uniform"
    a_right_initializer: Initializer = "ones"

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"shared_axes": (1, 2)}, ((None, None, 4, 3),)),
    )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(own=(*made * 2, choices(made[0]), choices(made[0])))


class ParametricSoftplus(Curve):
    """`alpha * softplus(beta * x)`, with `alpha` and `beta` learned.

    ```yaml
    - ParametricSoftplus
    - ParametricSoftplus: {alpha_initializer: {Constant: 0.5}, shared_axes: [1, 2]}
    ```

    Takes any shape with known sizes (except along shared axes) and gives the same. From McFarland
    et al., 2013, https://doi.org/10.1371/journal.pcbi.1003143.
    """

    curve: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    alpha_initializer: Initializer | None = None
    """The initial values of `alpha`; `null` is `{Constant: 0.2}`."""
    beta_initializer: Initializer | None = None
    """The initial values of `beta`; `null` is `{Constant: 5.0}`."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5),)),
        Example({"alpha_initializer": "ones", "shared_axes": 1}, ((None, 4, 3),)),
    )

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        return Saved(inputs=True, own=made * 2)
