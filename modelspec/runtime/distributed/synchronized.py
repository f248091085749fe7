"""Batch normalization whose layer is `synchronized`: the statistics of the global batch.

Keras computes the variance as the mean of squares minus the square of the mean, and ignores
`synchronized` where there is a mask. Here the mean and the variance are those of one process, up to
rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from .replicas import Replica


def synchronize(replica: Replica) -> None:
    """Makes the synchronized layers of a replica compute the statistics of the global batch in
    training steps.
    """
    for layer in replica.model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and layer.synchronized:
            layer._moments = _Moments(layer, replica)


class _Moments:
    """Mean and variance of a layer's inputs, in place of the method of the layer."""

    def __init__(self, layer: Any, replica: Replica) -> None:
        self._layer, self._replica = layer, replica

    def __call__(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """The moments over the examples and steps that count, of the shape of the channels."""
        part = self._replica.part
        if part is None:  # outside of a step
            mean, variance = type(self._layer)._moments(self._layer, inputs, mask)
            return mean, variance
        counted = _counted(inputs, mask) * part.has(inputs.dtype)
        number = self._replica.sum([self._over(counted)])[0]
        # As Keras does with a mask.
        divisor = number if mask is None else number + keras.config.epsilon()
        mean = self._sum(inputs * counted) / divisor
        apart = inputs - tf.reshape(mean, self._broadcast(inputs))
        variance = self._sum(tf.square(apart) * counted) / divisor
        return mean, variance

    def _sum(self, values: Any) -> Any:
        return self._replica.sum_with_gradient(self._over(values))

    def _over(self, values: Any) -> Any:
        return tf.reduce_sum(values, self._layer._reduction_axes)

    def _broadcast(self, inputs: Any) -> list[int]:
        axis = self._layer.axis % inputs.shape.rank
        return [-1 if one == axis else 1 for one in range(inputs.shape.rank)]


def _counted(inputs: Any, mask: Any) -> Any:
    """1 for each input that counts, 0 for padding."""
    if mask is None:
        return tf.ones_like(inputs)
    return tf.broadcast_to(tf.cast(tf.expand_dims(mask, -1), inputs.dtype), tf.shape(inputs))
