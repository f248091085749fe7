"""Activations of modelspec that Keras 3 does not have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from .base import ADDRESS


def hard_sigmoid_keras2(x: Any) -> Any:
    """`0.2 * x + 0.5`, clipped to [0, 1]: `hard_sigmoid` of Keras 1 and 2."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


hard_sigmoid_keras2.__module__ = ADDRESS
keras.saving.register_keras_serializable(package="modelspec")(hard_sigmoid_keras2)
OWN = {"hard_sigmoid_keras2": hard_sigmoid_keras2}
"""The functions by their names in a spec."""


def own_or_name(setting: str, value: Any) -> Any:
    """The function of modelspec that an activation names; every other value of a setting as it
    is.
    """
    if isinstance(value, str) and setting.endswith("activation"):
        return OWN.get(value, value)
    return value
