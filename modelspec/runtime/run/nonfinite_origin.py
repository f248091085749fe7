"""Finds the origin of values that are not finite: runs one batch through the model again, layer by
layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from ..backend.inner_names import spec_name


def first_to_show(model: keras.Model, batch: Any) -> str | None:
    """A sentence on the first place where the values of a batch are not finite; None if all are
    finite this time.

    Checks inputs and targets, then layers in call order, then the loss, then gradients from the
    last layer to the first. Changes statistics and metrics of the model; use it only for a failed
    run.
    """
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
    for what, values in (("input", inputs), ("target", targets), ("weight", weights)):
        for path, value in keras.tree.flatten_with_path(values):
            if value is not None and (found := _bad(value)):
                name = f" `{path[0]}`" if path else ""
                return f"the {what}{name} of the batch contains {found}"
    seen: list[str] = []
    with tf.GradientTape() as tape:
        with _listening(model, seen):
            outputs = model(inputs, training=True)
        loss = model.compute_loss(
            x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=True
        )
    if seen:
        return seen[0]
    if not math.isfinite(float(loss)):
        return "it first appears in the loss: the outputs of the model are finite"
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(
        reversed(model.trainable_variables), reversed(gradients), strict=True
    ):
        if gradient is not None and (found := _bad(gradient)):
            return (
                f"it first appears in the gradient of `{spec_name(variable.path)}`, which contains"
                f" {found}"
            )
    return None


@contextmanager
def _listening(model: keras.Model, seen: list[str]) -> Iterator[None]:
    """Records the first layer whose output is not finite while the model is called."""
    layers = list(_layers(model))
    for layer in layers:
        layer.call = _heard(layer, layer.call, seen)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _heard(layer: Any, call: Callable[..., Any], seen: list[str]) -> Callable[..., Any]:
    def heard(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        for output in keras.tree.flatten(outputs):
            if not seen and output is not None and (found := _bad(output)):
                seen.append(
                    f"it first appears in the layer `{spec_name(layer.name)}`, whose output"
                    f" contains {found}"
                )
        return outputs

    return heard


def _layers(model: Any) -> Iterator[Any]:
    """Every layer that is called, with the layers of sub-models in place of the sub-models."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def _bad(values: Any) -> str | None:
    """`NaN` or `infinite numbers`, if a tensor contains any."""
    values = values.values if isinstance(values, tf.IndexedSlices) else tf.convert_to_tensor(values)
    if not values.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(values))):
        return None
    return "NaN" if bool(tf.reduce_any(tf.math.is_nan(values))) else "infinite numbers"
