"""Wraps and unwraps Keras models."""

from __future__ import annotations

from typing import Any

import keras

from modelspec.compiler.infer import TypedCall

from .convert import to_keras
from .inner_names import inner_name


def wrapped(model: keras.Model, typed: TypedCall) -> Any:
    """The model inside the wrappers of a call, each with the name of the model: layers are frozen,
    saved and shown under the name in the spec.
    """
    found: Any = model
    for wrapper in reversed(typed.call.use.around):
        named = wrapper.model_copy(update={"name": typed.shared})
        found = to_keras(named, layer=found, name=inner_name(typed.shared))
    return found
