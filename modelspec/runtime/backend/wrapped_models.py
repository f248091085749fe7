"""A Keras model inside wrappers, and back out of them."""

from __future__ import annotations

from typing import Any

import keras

from modelspec.compiler.infer import TypedCall

from .convert import to_keras
from .inner_names import inner_name


def wrapped(model: keras.Model, typed: TypedCall) -> Any:
    """The model inside the wrappers of a call, each with the name of the model: a layer that is
    frozen, saved or shown goes by the name that the spec has for it.
    """
    found: Any = model
    for wrapper in reversed(typed.call.use.around):
        named = wrapper.model_copy(update={"name": typed.shared})
        found = to_keras(named, layer=found, name=inner_name(typed.shared))
    return found
