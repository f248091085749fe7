"""Activations with learned curves that Keras had in version 1: SReLU, ParametricSoftplus."""

from typing import Annotated, Any, ClassVar

from modelspec.core.shapes import Tensor

from .activation import Elementwise, sizes_but_shared
from .facts import Takes
from .layer import Example, Inputs, Layer, Weight
from .setting_types import Initializer, either

SharedAxes = Annotated[Any, either(int, least=1)]
"""An axis or several, counted from 1, along which all entries share their weights."""


class Curve(Elementwise):
    """What the two share: weights for each entry, shared along some axes, in an order that `curve`
    names.
    """

    keras_module: ClassVar[str] = "modelspec"
    takes: ClassVar[Takes] = "floats"
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
    """Three lines in an S, their bends and outer slopes learned.

    ```yaml
    - SReLU
    - SReLU: {shared_axes: [1, 2]}
    ```

    Takes any shape with known sizes (but along shared axes) and gives the same. Between `t_left`
    and `t = t_left + |t_right|` the input itself; below, `t_left + a_left * (x - t_left)`; above,
    `t + a_right * (x - t)`. From Jin et al., 2015, https://arxiv.org/abs/1512.07030.
    """

    takes_sparse = False

    curve: ClassVar[tuple[str, ...]] = ("t_left", "a_left", "t_right", "a_right")

    t_left_initializer: Initializer = "zeros"
    a_left_initializer: Initializer = "glorot_uniform"
    t_right_initializer: Initializer = "glorot_uniform"
    a_right_initializer: Initializer = "ones"

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5),)),
        Example({"shared_axes": (1, 2)}, ((None, None, 4, 3),)),
    )


class ParametricSoftplus(Curve):
    """`alpha * softplus(beta * x)`, with `alpha` and `beta` learned.

    ```yaml
    - ParametricSoftplus
    - ParametricSoftplus: {alpha_initializer: {Constant: 0.5}, shared_axes: [1, 2]}
    ```

    Takes any shape with known sizes (but along shared axes) and gives the same. From McFarland et
    al., 2013, https://doi.org/10.1371/journal.pcbi.1003143.
    """

    curve: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    alpha_initializer: Initializer | None = None
    """`{Constant: 0.2}` where it is not written."""
    beta_initializer: Initializer | None = None
    """`{Constant: 5.0}` where it is not written."""

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4, 5),)),
        Example({"alpha_initializer": "ones", "shared_axes": 1}, ((None, 4, 3),)),
    )
