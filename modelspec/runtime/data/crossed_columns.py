"""Crosses the columns of a feature, with Keras's layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelspec.catalog.layers.crossing import HashedCrossing

from .table import Array


def crossed(layer: HashedCrossing) -> Callable[[Array], Array]:
    """A function that computes the layer for columns side by side: (rows, columns)."""
    from ..backend.convert import to_keras

    made = to_keras(layer)

    def apply(values: Array) -> Array:
        import tensorflow as tf

        from .transforms import to_tensor  # it imports a module that imports this one

        columns = np.split(values, values.shape[-1], axis=-1)
        with tf.device("CPU:0"):
            return np.asarray(made([to_tensor(one) for one in columns]))

    return apply
