"""Normalization of features, with a given or learned mean and variance."""

import math
from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Unfit, refuse
from modelspec.core.shapes import Shape, Tensor, known, needs, show

from .common import axes_in, axis_in
from .factors import is_number
from .facts import Affine
from .layer import Example, Inputs, Layer, Weight
from .setting_types import either
from .windows import numbers

_EXPECTED = "a number or a list of numbers (nested lists of equal length for several axes)"


def _array(value: Any) -> Any:
    if is_number(value):
        return value
    if not isinstance(value, (tuple, list)) or not value:
        raise Unfit(_EXPECTED)
    items = tuple(_array(item) for item in value)
    if len({size_of(item) for item in items}) > 1:
        raise Unfit(_EXPECTED)
    return items


def size_of(array: Any) -> tuple[int, ...]:
    """The sizes of nested tuples along each axis; empty for a number."""
    return (len(array), *size_of(array[0])) if isinstance(array, tuple) else ()


Array = Annotated[Any, PlainValidator(_array, json_schema_input_type=float | tuple[Any, ...])]
"""A number, a list of numbers, or a list of lists of equal length."""


class Normalization(Layer):
    """Normalizes features to mean 0 and variance 1: `(x - mean) / sqrt(variance)`.

    ```yaml
    - Normalization             # in a `transform`: learned from the training split
    - Normalization: {mean: [2.5, 0.1], variance: [4.0, 0.09]}
    ```

    Takes any shape, gives the same shape. Each index along `axis` has a separate mean and variance;
    with `axis: null` all values share one. With `invert` it applies the inverse. In a `transform`
    the mean and variance are learned and applied in float64, without padded steps.
    """

    supports_masking = True
    prepares_data = True
    adapts = ("mean", "variance")
    adapts_weights = True

    axis: Annotated[Any, either(int)] | None = -1
    mean: Array | None = None
    variance: Array | None = None
    invert: bool = False

    # Its weights have the rank of the first call: with a lower rank, Keras returns a tensor with
    # one axis more than it reports.
    keeps_rank: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 4),)),
        Example({"axis": None}, ((None, 5, 4),)),
        Example({"axis": (1, 2)}, ((None, 5, 4),)),
        Example({"mean": (0.1, 0.2, 0.3), "variance": (1.0, 2.0, 3.0)}, ((None, 5, 3),)),
        Example({"mean": 0.5, "variance": 2.0, "invert": True}, ((None, 5, 3),)),
    )

    def _axes(self) -> tuple[int, ...]:
        if self.axis is None:
            return ()
        return (self.axis,) if isinstance(self.axis, int) else self.axis

    @model_validator(mode="after")
    def _mean_and_variance_agree(self) -> Self:
        if (self.mean is None) != (self.variance is None):
            given, other = ("mean", "variance") if self.variance is None else ("variance", "mean")
            refuse(
                f"`{given}` is given without `{other}`",
                "MS208",
                given,
                help=f"set `{other}` too, or neither",
            )
        mean, variance = size_of(self.mean), size_of(self.variance)
        if mean != variance:
            refuse(
                f"`mean` has the shape {show_sizes(mean)}, but `variance` {show_sizes(variance)}",
                "MS208",
                "variance",
                help="give both in the same shape",
            )
        if len(mean) > len(self._axes()):
            refuse(
                f"`mean` has {len(mean)} axes, but `axis` names {len(self._axes())}",
                "MS208",
                "mean",
                help="give one number for each entry along `axis`",
            )
        return self

    def affine(self) -> Affine | None:
        if self.mean is None or self.axis not in (-1, 1, None):
            return None
        return Affine(_deviation(self.variance), self.mean, divides=not self.invert)

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        kept = self._kept(x)
        axes_in(self, self._axes(), x, "axis")
        given = size_of(self.mean)
        for size, count in zip(kept[::-1], given[::-1], strict=False):
            if count != 1 and (known(size) or count) != count:
                raise Fault(
                    "MS403",
                    f"`mean` of shape {show_sizes(given)} does not match the sizes"
                    f" {show_sizes(kept)} of {show(x.shape)} along `axis`",
                    ("mean",),
                    help="give one number for each entry along `axis`",
                )
        return self.result(x.shape)

    def _kept(self, x: Tensor) -> Shape:
        """The sizes along the axes with separate means."""
        axes = sorted(axis_in(self, axis, x, "axis") for axis in self._axes())
        help = "use axes whose size is a number"
        return tuple(needs(x.shape[axis], f"the size of axis {axis}", help) for axis in axes)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        if self.mean is not None:
            return ()
        kept = self._kept(inputs.one)
        # Keras no longer counts; older saved models have the variable.
        count = Weight("count", (), trainable=False, dtype="int64")
        return (
            *(self.weight(name, *kept, trainable=False) for name in ("mean", "variance")),
            count,
        )


def _deviation(variance: Any) -> Any:
    """As Keras computes it: at least its `epsilon`."""
    if isinstance(variance, tuple):
        return tuple(_deviation(each) for each in variance)
    return max(math.sqrt(variance) if variance >= 0 else math.nan, 1e-7)


def show_sizes(sizes: Shape) -> str:
    return f"({', '.join(str(size) for size in sizes)})"
