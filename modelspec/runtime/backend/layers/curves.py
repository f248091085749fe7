"""Activations with weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import initializers, ops

from .base import OwnLayer, own_layer


class _Curve(OwnLayer):
    """An activation with one weight per name and entry, shared along `shared_axes`."""

    shared_axes: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def _sizes(self, input_shape: Sequence[int | None]) -> tuple[int, ...]:
        axes = self.shared_axes or ()
        shared = (axes,) if isinstance(axes, int) else tuple(axes)
        sizes = [1 if axis in shared else size for axis, size in enumerate(input_shape) if axis]
        if None in sizes:
            raise ValueError(
                f"`{type(self).__name__}` has a weight for every entry, so all input sizes except"
                f" those of `shared_axes` must be known; found {tuple(input_shape)}"
            )
        return tuple(size for size in sizes if size is not None)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        return input_shape


@own_layer
class SReLU(_Curve):
    """Three line segments in an S shape; https://arxiv.org/abs/1512.07030."""

    kept = (
        "t_left_initializer",
        "a_left_initializer",
        "t_right_initializer",
        "a_right_initializer",
        "shared_axes",
    )

    def __init__(
        self,
        t_left_initializer: Any = "zeros",
        a_left_initializer: Any = "glorot_uniform",
        t_right_initializer: Any = "glorot_uniform",
        a_right_initializer: Any = "ones",
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._keep(
            t_left_initializer=t_left_initializer,
            a_left_initializer=a_left_initializer,
            t_right_initializer=t_right_initializer,
            a_right_initializer=a_right_initializer,
            shared_axes=shared_axes,
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        sizes = self._sizes(input_shape)
        for name in ("t_left", "a_left", "t_right", "a_right"):
            setattr(self, name, self._weight(name, sizes, name))

    def call(self, inputs: Any) -> Any:
        # Inside another layer the inputs may have another dtype: `ops` accept both.
        left = self.t_left
        right = ops.add(left, ops.abs(self.t_right))  # never left of the left threshold
        below = ops.add(left, ops.multiply(self.a_left, ops.subtract(inputs, left)))
        above = ops.add(right, ops.multiply(self.a_right, ops.subtract(inputs, right)))
        kept = ops.where(ops.greater(inputs, right), above, inputs)
        return ops.where(ops.less(inputs, left), below, kept)


@own_layer
class ParametricSoftplus(_Curve):
    """`alpha * softplus(beta * x)`, with `alpha` and `beta` learned."""

    kept = ("alpha_initializer", "beta_initializer", "shared_axes")

    def __init__(
        self,
        alpha_initializer: Any = None,
        beta_initializer: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._keep(
            alpha_initializer=(
                initializers.Constant(0.2) if alpha_initializer is None else alpha_initializer
            ),
            beta_initializer=(
                initializers.Constant(5.0) if beta_initializer is None else beta_initializer
            ),
            shared_axes=shared_axes,
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        sizes = self._sizes(input_shape)
        self.alpha = self._weight("alpha", sizes, "alpha")
        self.beta = self._weight("beta", sizes, "beta")

    def call(self, inputs: Any) -> Any:
        return self.alpha * ops.softplus(self.beta * inputs)
