"""Normalization of activations within each example, and within groups of channels."""

from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Unfit, is_int
from modelspec.core.shapes import Shape, Tensor, known, may_equal, show, show_size

from .common import along_batch, axes_in
from .layer import Argument, Example, Inputs, Layer, Weight
from .normalizing import axis_size, normalized, wide
from .saved import Saved
from .setting_types import Constraint, Epsilon, Initializer, Regularizer, either
from .windows import numbers

Axes = Annotated[Any, either(int)]
"""One axis or several, counted from 0 (the batch axis) or, negative, from the end."""


class AlongAxes(Layer):
    """Base of layers that normalize each example along one axis or several."""

    axis: Axes = -1

    def axes(self) -> tuple[int, ...]:
        """The axes in the order of the weights' sizes in Keras."""
        return (self.axis,) if isinstance(self.axis, int) else tuple(sorted(self.axis))

    def checked(self, inputs: Inputs) -> Tensor:
        """The tensor of the call. Raises unless `axis` names each axis once."""
        x = numbers(self, inputs)
        axes_in(self, self.axes(), x, "axis")
        return x

    def sizes(self, x: Tensor) -> Shape:
        """The sizes along the axes, which are those of the weights."""
        return tuple(axis_size(self, axis, x) for axis in self.axes())

    def reduced(self, x: Tensor) -> Tensor:
        """The tensor with size 1 along the axes."""
        axes = {axis % x.rank for axis in self.axes()}
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
        return x._replace(shape=shape)


class LayerNormalization(AlongAxes):
    """Normalizes each example to mean 0 and standard deviation 1 along `axis`.

    ```yaml
    - LayerNormalization
    - LayerNormalization: {axis: [1, 2], epsilon: 1.0e-6}
    ```

    Takes any shape, gives the same shape. Source: Ba, Kiros and Hinton 2016,
    https://arxiv.org/abs/1607.06450.
    """

    supports_masking = True

    epsilon: Epsilon = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None
    rms_scaling: bool = False
    """Whether to divide by the standard deviation alone, with `gamma` and without `beta`; Keras
    deprecates it: use `RMSNormalization`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5, 4),)),
        Example({"axis": (1, 2)}, ((None, 6, 5, None),)),
        Example({"axis": 1, "center": False}, ((None, 4),)),
        Example({"rms_scaling": True, "scale": False}, ((None, 4),)),
    )

    @property
    def has_gamma(self) -> bool:
        return self.scale or self.rms_scaling

    @property
    def has_beta(self) -> bool:
        return self.center and not self.rms_scaling

    def output(self, inputs: Inputs) -> Tensor:
        x = self.checked(inputs)
        self.weights(inputs)
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        present = (("gamma", self.has_gamma), ("beta", self.has_beta))
        used = [name for name, is_present in present if is_present]
        sizes = self.sizes(inputs.one) if used else ()
        return tuple(self.weight(name, *sizes) for name in used)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        scaled = (wide(x),) if self.has_gamma else ()
        return normalized(x, *scaled, *(self.reduced(wide(x)),) * 3)


class RMSNormalization(AlongAxes):
    """Divides each example by its root mean square along `axis`, the last axis or axes, and
    multiplies it by a learned scale.

    ```yaml
    - RMSNormalization
    ```

    Takes any shape, gives the same shape. Source: Zhang and Sennrich 2019,
    https://arxiv.org/abs/1910.07467.
    """

    takes = "floats"

    epsilon: Epsilon = 1e-6

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("x"),)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5, 4),)),
        Example({"axis": (1, 2)}, ((None, 6, 5),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = self.checked(inputs)
        # Keras multiplies by the scale without checking its axes.
        for size, last in zip(self.sizes(x)[::-1], x.shape[::-1], strict=False):
            if size != 1 and (last == 1 or not may_equal(size, last)):
                raise Fault(
                    "MS403",
                    f"a scale of {show_size(size)} does not fit the last axes of {show(x.shape)}",
                    ("axis",),
                    help="normalize along the last axes, or move the axes there with `Permute`",
                )
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        return (self.weight("scale", *self.sizes(inputs.one)),)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        return normalized(x, wide(x), self.reduced(wide(x)))


class UnitNormalization(AlongAxes):
    """Divides each example by its length (L2 norm) along `axis`.

    ```yaml
    - UnitNormalization
    ```

    Takes any shape, gives the same shape.
    """

    takes = "floats"
    supports_masking = True
    prepares_data = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5, None),)),
        Example({"axis": (1, 2)}, ((None, 6, 5, 4),)),
    )

    def across_examples(self, inputs: Inputs) -> Fault | None:
        return along_batch(self, inputs.one, self.axes())

    def output(self, inputs: Inputs) -> Tensor:
        return self.result(self.checked(inputs).shape)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        return Saved(inputs=True, own=(self.reduced(x),) * 2)


def _groups(value: Any) -> int:
    expected = "an integer of at least 1, or -1 for one group per channel"
    if not is_int(value):
        raise Unfit(expected)
    if value < 1 and value != -1:
        raise Unfit(expected, code="MS205")
    return int(value)


class GroupNormalization(Layer):
    """Normalizes each group of channels of each example to mean 0 and standard deviation 1.

    ```yaml
    - GroupNormalization: {groups: 8}
    - GroupNormalization: -1                # one group per channel
    ```

    Takes any shape, gives the same shape. `axis` is the channel axis; its size must be divisible by
    `groups`. Source: Wu and He 2018, https://arxiv.org/abs/1803.08494.
    """

    supports_masking = True

    groups: Annotated[int, PlainValidator(_groups, json_schema_input_type=int)] = 32
    axis: int = -1
    epsilon: Epsilon = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    keeps_rank: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"groups": 2}, ((None, 6, 5, 4),)),
        Example({"groups": -1, "scale": False}, ((None, None, 4),)),
        Example({"groups": 2, "axis": 1}, ((None, 4, None, 5),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        count = known(axis_size(self, self.axis, x))
        if count is not None and self.groups > 0 and (count < self.groups or count % self.groups):
            raise Fault(
                "MS408",
                f"{count} channels cannot be split into {self.groups} groups",
                ("groups",),
                help="use a number of groups that divides the channels",
            )
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        size = axis_size(self, self.axis, inputs.one)
        used = (("gamma", self.scale), ("beta", self.center))
        return tuple(self.weight(name, size) for name, present in used if present)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        channels = x.shape[self.axis % x.rank]
        groups = channels if self.groups == -1 else self.groups
        each = wide(x)._replace(shape=(x.shape[0], groups))
        scaled = (each._replace(shape=(x.shape[0], channels)),) if self.scale else ()
        return normalized(x, each, each, each, *scaled)
