"""`call: {training: false}`: a layer that always runs in one mode, whichever mode its model runs
in.

Keras stores the value in the graph, but then calls every layer of a functional model with the
`training` argument of the model. So the layer itself is changed: its `call` always gets the value
of the spec, in training and in prediction.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any


def hold_mode(layer: Any, training: bool) -> None:
    """From now on the layer or model is called with this `training`; one without such an argument
    is not changed.

    This is not saved: when Keras loads the file, it reads the value from the graph, as it does for
    any model.
    """
    free = layer.call
    if "training" not in inspect.signature(free).parameters:
        return

    @wraps(free)
    def call(*args: Any, **kwargs: Any) -> Any:
        return free(*args, **{**kwargs, "training": training})

    layer.call = call
