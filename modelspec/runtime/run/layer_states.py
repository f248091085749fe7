"""The states of recurrent layers that are `stateful`: what one batch leaves for the next.

Keras keeps them in variables that no list of the model has, so that neither a checkpoint nor
`model.variables` would know of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


def state_variables(model: keras.Model) -> list[Any]:
    """Those of every stateful layer, in the order of the layers; empty where there is none."""
    return [
        variable
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False)
        for variable in keras.tree.flatten(getattr(layer, "states", None))
        if variable is not None
    ]


@contextmanager
def from_zero(model: keras.Model) -> Iterator[None]:
    """What is measured within begins with states of zero, whatever was computed before; afterwards
    the states are those of before, so that a validation does not reach into the training.
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
    """Have cells draw anew what they drop. A cell that no recurrent layer runs keeps the tensor of
    its first call, which belongs to another function of TensorFlow where a step is traced again.
    """
    for layer in model._flatten_layers():
        if hasattr(layer, "reset_dropout_mask"):
            layer.reset_dropout_mask()
            layer.reset_recurrent_dropout_mask()
