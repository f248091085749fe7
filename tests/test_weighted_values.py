"""Whether losses and values of metrics can be weighted is what Keras does with tensors of these
shapes.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from modelspec.catalog.formula.elementwise import BATCH
from modelspec.compiler.rules.weighted_values import combines, weighs_losses, weighs_values
from modelspec.core.shapes import Shape

pytestmark = pytest.mark.tensorflow

EXAMPLES = 7
"""The size of the batch, different from every other size."""
SHAPES: tuple[Shape, ...] = (
    (),
    *product((BATCH, 1, 3)),
    *product((BATCH, 3), (1, 2, 3)),
    *product((BATCH, 3), (1, 2), (1, 2, 3)),
)
WEIGHTS = tuple(shape for shape in SHAPES if shape[:1] == (BATCH,))


def _numbers(shape: Shape) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones(tuple(EXAMPLES if size == BATCH else size for size in shape), "float32")


def test_losses_take_the_weights_that_keras_multiplies() -> None:
    import keras

    class Given(keras.losses.Loss):
        def call(self, y_true: object, y_pred: object) -> object:
            return keras.ops.convert_to_tensor(_numbers(losses))

    for losses, weights in product(SHAPES, WEIGHTS):
        try:
            Given()(0.0, 0.0, sample_weight=_numbers(weights))
        except Exception:  # noqa: BLE001  # TensorFlow raises errors of several classes
            works = False
        else:
            works = True
        assert weighs_losses(weights, losses) == works, (losses, weights)


def test_values_of_metrics_take_the_weights_that_keras_broadcasts() -> None:
    import keras

    for values, weights in product(SHAPES, WEIGHTS):
        metric = keras.metrics.MeanMetricWrapper(lambda y_true, y_pred, to=values: _numbers(to))
        try:
            metric.update_state(0.0, 0.0, sample_weight=_numbers(weights))
        except Exception:  # noqa: BLE001  # as above
            works = False
        else:
            works = True
        assert weighs_values(weights, values) == works, (values, weights)


def test_what_is_added_is_what_numpy_broadcasts() -> None:
    for first, second in product(SHAPES, SHAPES):
        try:
            np.broadcast_shapes(_numbers(first).shape, _numbers(second).shape)
        except ValueError:
            works = False
        else:
            works = True
        assert combines(first, second) == works, (first, second)
