"""Layers of modelspec that Keras 3 does not have, in Keras's own terms: they run on every backend
of it.

They are registered under the package `modelspec` when this module is imported, so a saved model
that has one loads after `import modelspec.runtime.backend.layers`, or with `modelspec.load_model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, ClassVar

import keras
from keras import initializers, ops

from .layer_base import OwnLayer

_OF_WEIGHTS = (
    "use_bias",
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
)


class _LocallyConnected(OwnLayer):
    """Both; patches of the input are cut out, and each is multiplied with its own kernel."""

    axes: ClassVar[int]
    kept = (
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "data_format",
        "activation",
        *_OF_WEIGHTS,
    )

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        data_format = data_format or keras.config.image_data_format()
        if padding not in ("valid", "same") or data_format not in (
            "channels_last",
            "channels_first",
        ):
            raise ValueError(
                "`padding` is `valid` or `same` and `data_format` `channels_last` or"
                f" `channels_first`; found {padding} and {data_format}"
            )
        self._keep(
            filters=filters,
            kernel_size=self._window(kernel_size),
            strides=self._window(strides),
            padding=padding,
            data_format=data_format,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def _window(self, size: Any) -> tuple[int, ...]:
        return (size,) * self.axes if isinstance(size, int) else tuple(size)

    @property
    def _channels_first(self) -> bool:
        return bool(self.data_format == "channels_first")

    def _places(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """How many places the kernel has along each axis."""
        if self.padding == "same":
            return tuple(
                -(-size // stride) for size, stride in zip(sizes, self.strides, strict=True)
            )
        windows = zip(sizes, self.kernel_size, self.strides, strict=True)
        return tuple((size - kernel) // stride + 1 for size, kernel, stride in windows)

    def _split(self, shape: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        """The sizes along the axes that the kernel moves on, and the number of channels."""
        return (
            (tuple(shape[2:]), shape[1])
            if self._channels_first
            else (tuple(shape[1:-1]), shape[-1])
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        sizes, channels = self._split(input_shape)
        if None in sizes or channels is None or len(sizes) != self.axes:
            raise ValueError(
                f"`{type(self).__name__}` has weights for every place, so all sizes of its input"
                f" must be known; found {tuple(input_shape)}"
            )
        places = self._places(sizes)
        if min(places) < 1:
            raise ValueError(f"a kernel of {self.kernel_size} does not fit an input of {sizes}")
        self.kernel = self._weight(
            "kernel", (prod(places), prod(self.kernel_size) * channels, self.filters), "kernel"
        )
        self.bias = self._weight("bias", (*places, self.filters), "bias") if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        sizes, channels = self._split(inputs.shape)
        places = self._places(sizes)
        x = ops.moveaxis(inputs, 1, -1) if self._channels_first else inputs
        patches = self._patches(self._padded(x, sizes, places), places)
        flat = ops.reshape(patches, (-1, prod(places), prod(self.kernel_size) * channels))
        y = ops.reshape(ops.einsum("bpi,pio->bpo", flat, self.kernel), (-1, *places, self.filters))
        if self.bias is not None:
            y = y + self.bias
        y = ops.moveaxis(y, -1, 1) if self._channels_first else y
        return self.activation(y) if self.activation is not None else y

    def _padded(self, x: Any, sizes: Sequence[int], places: Sequence[int]) -> Any:
        """With zeros around it, the extra one behind, where `padding` is `same`."""
        if self.padding != "same":
            return x
        windows = zip(sizes, places, self.kernel_size, self.strides, strict=True)
        needed = [
            max((count - 1) * stride + kernel - size, 0) for size, count, kernel, stride in windows
        ]
        return ops.pad(x, [(0, 0), *((more // 2, more - more // 2) for more in needed), (0, 0)])

    def _patches(self, x: Any, places: Sequence[int]) -> Any:
        """(batch, *places, kernel, channels), or with the channels first (batch, *places, channels,
        kernel).

        That is the order of Keras 2's kernels, so that weights saved by it fit.
        """
        taken = []
        for offsets in product(*map(range, self.kernel_size)):
            steps = zip(offsets, places, self.strides, strict=True)
            cut = tuple(
                slice(start, start + (count - 1) * stride + 1, stride)
                for start, count, stride in steps
            )
            taken.append(x[(slice(None), *cut)])
        return ops.stack(taken, axis=-1 if self._channels_first else -2)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        sizes, _ = self._split(input_shape)
        places, batch = self._places(sizes), input_shape[0]
        return (
            (batch, self.filters, *places)
            if self._channels_first
            else (batch, *places, self.filters)
        )


@keras.saving.register_keras_serializable(package="modelspec")
class LocallyConnected1D(_LocallyConnected):
    """A convolution along one axis with a kernel of its own at every place: (batch, steps,
    channels).
    """

    axes = 1


@keras.saving.register_keras_serializable(package="modelspec")
class LocallyConnected2D(_LocallyConnected):
    """A convolution along two axes with a kernel of its own at every place: (batch, height, width,
    channels).
    """

    axes = 2


@keras.saving.register_keras_serializable(package="modelspec")
class Highway(OwnLayer):
    """`gate * activation(x @ kernel + bias) + (1 - gate) * x`; https://arxiv.org/abs/1505.00387."""

    kept = ("activation", "gate_bias_initializer", *_OF_WEIGHTS)

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        gate_bias_initializer: Any = "ones",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self._keep(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            gate_bias_initializer=gate_bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Sequence[int]) -> None:
        size = input_shape[-1]
        self.kernel = self._weight("kernel", (size, size), "kernel")
        # As in Keras 1, the gate is neither regularized nor constrained.
        self.gate_kernel = self.add_weight(
            name="gate_kernel",
            shape=(size, size),
            initializer=initializers.get(_again(self.kernel_initializer)),
        )
        self.bias = self._weight("bias", (size,), "bias") if self.use_bias else None
        self.gate_bias = self._weight("gate_bias", (size,), "gate_bias") if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        y, gate = ops.matmul(inputs, self.kernel), ops.matmul(inputs, self.gate_kernel)
        if self.use_bias:
            y, gate = y + self.bias, gate + self.gate_bias
        y = self.activation(y) if self.activation is not None else y
        gate = ops.sigmoid(gate)
        return gate * y + (1 - gate) * inputs


def _again(initializer: Any) -> Any:
    """Another initializer of the same kind: one with a seed of its own would give equal numbers
    twice.
    """
    clone = getattr(initializer, "clone", None)
    return clone() if clone is not None else initializer


@keras.saving.register_keras_serializable(package="modelspec")
class MaxoutDense(OwnLayer):
    """The largest of `pieces` linear functions at every unit; https://arxiv.org/abs/1302.4389."""

    kept = ("units", "pieces", *_OF_WEIGHTS)

    def __init__(
        self,
        units: int,
        pieces: int = 4,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self._keep(
            units=units,
            pieces=pieces,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Sequence[int]) -> None:
        self.kernel = self._weight("kernel", (self.pieces, input_shape[-1], self.units), "kernel")
        self.bias = (
            self._weight("bias", (self.pieces, self.units), "bias") if self.use_bias else None
        )

    def call(self, inputs: Any) -> Any:
        y = ops.tensordot(inputs, self.kernel, axes=[[-1], [1]])
        return ops.max(y if self.bias is None else y + self.bias, axis=-2)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)


@keras.saving.register_keras_serializable(package="modelspec")
class LayerScale(OwnLayer):
    """`x * gamma`, with a number for every entry of the last axis;
    https://arxiv.org/abs/2103.17239.
    """

    kept = ("init_values",)

    def __init__(self, init_values: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self._keep(init_values=init_values)

    def build(self, input_shape: Sequence[int]) -> None:
        start = initializers.Constant(self.init_values)
        self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],), initializer=start)

    def call(self, inputs: Any) -> Any:
        return inputs * self.gamma

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        return input_shape


class _Curve(OwnLayer):
    """An activation with a weight (of each name) for every entry, shared along `shared_axes`."""

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
                f"`{type(self).__name__}` has weights for every entry, so all sizes of its input"
                f" but those of `shared_axes` must be known; found {tuple(input_shape)}"
            )
        return tuple(size for size in sizes if size is not None)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        return input_shape


@keras.saving.register_keras_serializable(package="modelspec")
class SReLU(_Curve):
    """Three lines in an S; https://arxiv.org/abs/1512.07030."""

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
        right = self.t_left + ops.abs(self.t_right)  # never left of the left one
        below = self.t_left + self.a_left * (inputs - self.t_left)
        above = right + self.a_right * (inputs - right)
        return ops.where(inputs < self.t_left, below, ops.where(inputs > right, above, inputs))


@keras.saving.register_keras_serializable(package="modelspec")
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
