"""Convolutions with a separate kernel at every position."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, ClassVar

import keras
from keras import ops

from .base import OF_WEIGHTS, OwnLayer, own_layer


class _LocallyConnected(OwnLayer):
    """Base of both layers: extracts patches of the input and multiplies each with its own
    kernel.
    """

    axes: ClassVar[int]
    kept = (
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "data_format",
        "activation",
        *OF_WEIGHTS,
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
        """The number of kernel positions along each axis."""
        if self.padding == "same":
            return tuple(
                -(-size // stride) for size, stride in zip(sizes, self.strides, strict=True)
            )
        windows = zip(sizes, self.kernel_size, self.strides, strict=True)
        return tuple((size - kernel) // stride + 1 for size, kernel, stride in windows)

    def _split(self, shape: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        """The sizes along the axes that the kernel moves on, and the number of channels."""
        if self._channels_first:
            return tuple(shape[2:]), shape[1]
        return tuple(shape[1:-1]), shape[-1]

    def build(self, input_shape: Sequence[int | None]) -> None:
        sizes, channels = self._split(input_shape)
        if None in sizes or channels is None or len(sizes) != self.axes:
            raise ValueError(
                f"`{type(self).__name__}` has weights for every position, so all input sizes must"
                f" be known; found {tuple(input_shape)}"
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
        y = ops.einsum("bpi,pio->bpo", flat, self.kernel)
        y = ops.reshape(y, (-1, *places, self.filters))
        if self.bias is not None:
            y = ops.add(y, self.bias)  # which accepts weights of another dtype, as Keras layers do
        if self._channels_first:
            y = ops.moveaxis(y, -1, 1)
        return self.activation(y) if self.activation is not None else y

    def _padded(self, x: Any, sizes: Sequence[int], places: Sequence[int]) -> Any:
        """Pads with zeros if `padding` is `same`; an odd extra zero is added at the end."""
        if self.padding != "same":
            return x
        around = []
        windows = zip(sizes, places, self.kernel_size, self.strides, strict=True)
        for size, count, kernel, stride in windows:
            needed = max((count - 1) * stride + kernel - size, 0)
            around.append((needed // 2, needed - needed // 2))
        return ops.pad(x, [(0, 0), *around, (0, 0)])

    def _patches(self, x: Any, places: Sequence[int]) -> Any:
        """(batch, *positions, kernel, channels), or with the channels first (batch, *positions,
        channels, kernel).

        This is the order of kernels in Keras 2, so weights saved by Keras 2 fit.
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
        if self._channels_first:
            return (batch, self.filters, *places)
        return (batch, *places, self.filters)


@own_layer
class LocallyConnected1D(_LocallyConnected):
    """A convolution along one axis with a separate kernel at every position: (batch, steps,
    channels).
    """

    axes = 1


@own_layer
class LocallyConnected2D(_LocallyConnected):
    """A convolution along two axes with a separate kernel at every position: (batch, height, width,
    channels).
    """

    axes = 2
