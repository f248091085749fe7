"""`call: {training: false}`: a layer that stays in one mode, whatever its model is called for.

Keras writes the value into the graph, and then calls every layer of a functional model with the
model's own `training` in its place. So the layer itself is changed: its `call` is given the value
of the spec, in training and in prediction.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any


def hold_mode(layer: Any, training: bool) -> None:
    """From now on the layer or model is called with this `training`; one that has no such argument
    is left alone.

    Nothing of it is saved: Keras that loads the file reads the value in the graph, as of any model
    of its own.
    """
    free = layer.call
    if "training" not in inspect.signature(free).parameters:
        return

    @wraps(free)
    def call(*args: Any, **kwargs: Any) -> Any:
        return free(*args, **{**kwargs, "training": training})

    layer.call = call
