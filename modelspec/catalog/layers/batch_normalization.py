"""Normalization of activations over the batch."""

from typing import ClassVar, Self

from pydantic import model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.shapes import Tensor

from .layer import Argument, Example, Inputs, Layer, Weight
from .mask_arguments import need_mask
from .normalizing import axis_size, normalized, wide
from .saved import Saved, choices
from .setting_types import Constraint, Epsilon, Initializer, Number, Rate, Regularizer
from .windows import numbers


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

    def misused_mask(self, x: Tensor, given: bool) -> str | None:
        """With a mask, Keras squeezes the axes of size 1 out of the mean, and fails to expand it
        along any axis except -1.
        """
        axis = self.axis
        fails = self.trainable and axis != -1 and -x.rank <= axis < x.rank and x.shape[axis] == 1
        return (
            f"normalizes one channel with `axis: {axis}`, for which Keras fails" if fails else None
        )

    def output(self, inputs: Inputs) -> Tensor:
        x = numbers(self, inputs)
        axis_size(self, self.axis, x)
        mask = inputs.tensor("mask")
        if mask is not None and self.trainable:  # a layer that is not trained computes no mean
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
        return normalized(x, *masked)


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
