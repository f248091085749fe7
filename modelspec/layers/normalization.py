"""Normalization of activations: BatchNormalization, LayerNormalization."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import model_validator

from ..diagnostics import Fault
from ..shapes import Size, Tensor, needs, show
from .base import Argument, Example, Inputs, Layer, Weight
from .common import axis_in
from .masks import need_mask
from .types import Constraint, Initializer, Number, Regularizer, either
from .windows import numbers

Axes = Annotated[Any, either(int)]
"""One axis or several, counted from 0 (the batch axis) or, negative, from the end."""


def axis_size(layer: Layer, axis: int, x: Tensor) -> Size:
    """The size along the axis, on which weights depend. Raises MS407 or MS405 where there is none."""
    size = x.shape[axis_in(layer, axis, x, "axis")]
    return needs(size, f"the size of axis {axis}", "normalize along an axis whose size is a number")


class BatchNormalization(Layer):
    """Keeps the mean of each channel near 0 and its deviation near 1: over the batch in training, by moving averages
    afterwards.

    ```yaml
    - BatchNormalization
    - BatchNormalization: {momentum: 0.9, epsilon: 1.0e-5}
    ```

    Takes any shape, gives the same shape. `axis` is the channel axis.
    Source: Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167.
    """

    axis: int = -1
    momentum: Number = 0.99
    epsilon: Number = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    moving_mean_initializer: Initializer = "zeros"
    moving_variance_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None
    renorm: bool = False
    renorm_clipping: dict[str, Number | None] | None = None
    """Bounds of the batch renormalization: `{rmin: 0.3, rmax: 3, dmax: 5}`."""
    renorm_momentum: Number = 0.99
    synchronized: bool = False

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("inputs"), Argument("mask", required=False))
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 6, 5, 4),)),
        Example({"axis": 1, "momentum": 0.9}, ((None, 4, None, 5),)),
        Example({"scale": False}, ((None, 4),)),
        Example({"renorm": True, "renorm_clipping": {"rmax": 3.0, "rmin": 0.3, "dmax": 5.0}}, ((None, 6, 4),)),
        Example({}, {"inputs": (None, 6, 4), "mask": (None, 6)}),
    )

    @model_validator(mode="after")
    def _clipping(self) -> Self:
        clipping = self.renorm_clipping if self.renorm and self.renorm_clipping else {}
        unknown = next((key for key in clipping if key not in ("rmin", "rmax", "dmax")), None)
        if unknown is not None:
            raise Fault("MS202", f"`renorm_clipping` has no setting `{unknown}`", ("renorm_clipping", unknown),
                        help="its settings are `rmin`, `rmax` and `dmax`", at_key=True)
        rmin, rmax, dmax = (clipping.get(key) for key in ("rmin", "rmax", "dmax"))
        if rmin is not None and rmax is not None and rmax < rmin:
            raise Fault("MS208", f"`rmax` is {rmax:g}, less than `rmin` {rmin:g}", ("renorm_clipping", "rmax"),
                        help="exchange `rmin` and `rmax`")
        if dmax is not None and dmax < 0:
            raise Fault("MS205", f"`dmax` must be at least 0, found {dmax:g}", ("renorm_clipping", "dmax"))
        return self

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        axis_size(self, self.axis, x)
        mask = inputs.tensor("mask")
        if mask is not None:
            need_mask(mask, x.shape[:-1])
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        size = axis_size(self, self.axis, inputs.one)
        learned = [name for name, used in (("gamma", self.scale), ("beta", self.center)) if used]
        tracked = ["moving_mean", "moving_variance"]
        if self.renorm:
            tracked += ["moving_stddev", "renorm_mean", "renorm_stddev"]
        return (
            *(self.weight(name, size) for name in learned),
            *(self.weight(name, size, trainable=False) for name in tracked),
        )


class LayerNormalization(Layer):
    """Keeps the mean near 0 and the deviation near 1 within each example, along `axis`.

    ```yaml
    - LayerNormalization
    - LayerNormalization: {axis: [1, 2], epsilon: 1.0e-6}
    ```

    Takes any shape, gives the same shape.
    Source: Ba, Kiros and Hinton 2016, https://arxiv.org/abs/1607.06450.
    """

    axis: Axes = -1
    epsilon: Number = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5, 4),)),
        Example({"axis": (1, 2)}, ((None, 6, 5, None),)),
        Example({"axis": 1, "center": False}, ((None, 4),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        axes = self._sorted_axes()
        if len({axis_in(self, axis, x, "axis") for axis in axes}) < len(axes):
            raise Fault("MS205", f"`axis` names an axis of {show(x.shape)} twice: {list(axes)}", ("axis",),
                        help="name each axis once")
        if self.scale or self.center:
            for axis in axes:
                axis_size(self, axis, x)
        return self.result(x.shape)

    def _sorted_axes(self) -> tuple[int, ...]:
        return (self.axis,) if isinstance(self.axis, int) else tuple(sorted(self.axis))

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        sizes = [axis_size(self, axis, inputs.one) for axis in self._sorted_axes()] if self.scale or self.center else []
        used = (("gamma", self.scale), ("beta", self.center))
        return tuple(self.weight(name, *sizes) for name, present in used if present)
