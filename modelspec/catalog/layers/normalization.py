"""Normalization of activations: over the batch, within each example, within groups of channels."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Unfit, is_int
from modelspec.core.shapes import Shape, Size, Tensor, known, may_equal, needs, show, show_size

from .common import along_batch, axes_in, axis_in
from .layer import Argument, Example, Inputs, Layer, Weight
from .mask_arguments import need_mask
from .saved import Saved, choices
from .setting_types import Constraint, Epsilon, Initializer, Number, Rate, Regularizer, either
from .windows import numbers

Axes = Annotated[Any, either(int)]
"""One axis or several, counted from 0 (the batch axis) or, negative, from the end."""


def axis_size(layer: Layer, axis: int, x: Tensor) -> Size:
    """The size along the axis, which determines the weights. Raises MS407 if the axis does not
    exist, MS405 if its size is unknown.
    """
    size = x.shape[axis_in(layer, axis, x, "axis")]
    return needs(size, f"the size of axis {axis}", "normalize along an axis of known size")


def wide(x: Tensor) -> Tensor:
    """As Keras normalizes it: in float32, since 16 bits are too few for the sum of squares."""
    return x._replace(dtype="float32") if x.dtype in ("float16", "bfloat16") else x


def _normalized(x: Tensor, *own: Tensor) -> Saved:
    """The saved tensors of the normalization of `x`: the input, or its copy in higher precision."""
    copied = wide(x)
    return Saved(own=(copied, *own)) if copied != x else Saved(inputs=True, own=own)


class BatchNormalization(Layer):
    """Normalizes each channel to mean 0 and standard deviation 1: with the statistics of the batch
    in training, and moving averages otherwise.

    ```yaml
    - BatchNormalization
    - BatchNormalization: {momentum: 0.9, epsilon: 1.0e-5}
    ```

    Takes any shape, gives the same shape. `axis` is the channel axis. Source: Ioffe and Szegedy
    2015, https://arxiv.org/abs/1502.03167.
    """

    supports_masking = True
    removes_channel_mean = True

    axis: int = -1
    # Outside of 0 to 1 it is not a moving average; Keras accepts any number.
    momentum: Rate = 0.99
    epsilon: Epsilon = 1e-3
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
    """The limits of the correction of the batch renormalization, e.g. `{rmin: 0.3, rmax: 3, dmax:
    5}`; `null` sets none.
    """
    renorm_momentum: Rate = 0.99
    synchronized: bool = False

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("inputs"),
        Argument("mask", required=False),
    )
    keeps_rank: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 6, 5, 4),)),
        Example({"axis": 1, "momentum": 0.9}, ((None, 4, None, 5),)),
        Example({"scale": False}, ((None, 4),)),
        Example(
            {"renorm": True, "renorm_clipping": {"rmax": 3.0, "rmin": 0.3, "dmax": 5.0}},
            ((None, 6, 4),),
        ),
        Example({}, {"inputs": (None, 6, 4), "mask": (None, 6)}),
    )

    @model_validator(mode="after")
    def _clipping(self) -> Self:
        if self.renorm and self.renorm_clipping:
            _check_clipping(self.renorm_clipping)
        return self

    def mask_rank(self, rank: int) -> int | None:
        return rank - 1

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

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        if not self.trainable:  # it scales by earlier statistics
            return Saved()
        x = self.like(inputs.one)
        masked = (wide(x), choices(x)) if inputs.tensor("mask") is not None else ()
        return _normalized(x, *masked)


def _check_clipping(clipping: dict[str, Number | None]) -> None:
    """Raises if a limit of the renormalization is unknown or invalid."""
    unknown = next((key for key in clipping if key not in ("rmin", "rmax", "dmax")), None)
    if unknown is not None:
        raise Fault(
            "MS202",
            f"`renorm_clipping` has no setting `{unknown}`",
            ("renorm_clipping", unknown),
            help="its settings are `rmin`, `rmax` and `dmax`",
            at_key=True,
        )
    rmin, rmax, dmax = (clipping.get(key) for key in ("rmin", "rmax", "dmax"))
    if rmin is not None and rmax is not None and rmax < rmin:
        raise Fault(
            "MS208",
            f"`rmax` is {rmax:g}, less than `rmin` {rmin:g}",
            ("renorm_clipping", "rmax"),
            help="exchange `rmin` and `rmax`",
        )
    if dmax is not None and dmax < 0:
        raise Fault(
            "MS205", f"`dmax` must be at least 0, found {dmax:g}", ("renorm_clipping", "dmax")
        )


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

    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((None, 5, 4),)),
        Example({"axis": (1, 2)}, ((None, 6, 5, None),)),
        Example({"axis": 1, "center": False}, ((None, 4),)),
    )

    def output(self, inputs: Inputs) -> Tensor:
        x = self.checked(inputs)
        self.weights(inputs)
        return self.result(x.shape)

    def weights(self, inputs: Inputs) -> tuple[Weight, ...]:
        used = [name for name, present in (("gamma", self.scale), ("beta", self.center)) if present]
        sizes = self.sizes(inputs.one) if used else ()
        return tuple(self.weight(name, *sizes) for name in used)

    def saved(self, inputs: Inputs, made: tuple[Tensor, ...]) -> Saved:
        x = self.like(inputs.one)
        scaled = (wide(x),) if self.scale else ()
        return _normalized(x, *scaled, *(self.reduced(wide(x)),) * 3)


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
        return _normalized(x, wide(x), self.reduced(wide(x)))


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
        return _normalized(x, each, each, each, *scaled)
