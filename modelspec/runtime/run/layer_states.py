"""The states of `stateful` recurrent layers, which are passed from batch to batch.

Keras keeps them in variables that are in no list of the model, so neither `model.variables` nor a
checkpoint based on it would include them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


def state_variables(model: keras.Model) -> list[Any]:
    """The states of every stateful layer, in the order of the layers; empty if there are none."""
    return [
        variable
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False)
        for variable in keras.tree.flatten(getattr(layer, "states", None))
        if variable is not None
    ]


@contextmanager
def from_zero(model: keras.Model) -> Iterator[None]:
    """Measurements inside this context start with zero states; afterwards the previous states are
    restored, so that a validation does not influence the training.
    """
    variables = state_variables(model)
    before = [keras.ops.convert_to_numpy(one) for one in variables]
    for one in variables:
        one.assign(keras.ops.zeros_like(one))
    try:
        yield
    finally:
        for one, value in zip(variables, before, strict=True):
            one.assign(value)


def forget_dropped(model: keras.Model) -> None:
    """Resets the dropout masks of cells. A cell that is not run by a recurrent layer keeps the
    tensor of its first call, which belongs to another TensorFlow function if a step is traced
    again.
    """
    for layer in model._flatten_layers():
        if hasattr(layer, "reset_dropout_mask"):
            layer.reset_dropout_mask()
            layer.reset_recurrent_dropout_mask()
