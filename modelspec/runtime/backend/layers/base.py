"""Common base of the layers of modelspec: settings that are kept and saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import keras
from keras import activations, constraints, initializers, regularizers

OF_WEIGHTS = (
    "use_bias",
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
)
"""Settings of layers with a kernel and a bias."""
ADDRESS = "modelspec.backend.layers"
"""The module of every layer in saved models: it stays the same wherever the code is."""
_FAMILIES = {
    "activation": activations,
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


def _family(name: str) -> Any:
    """The Keras module for a setting, by the last word of its name; None for a number or a
    string.
    """
    return _FAMILIES.get(name.rpartition("_")[2])


Class = TypeVar("Class", bound="type[OwnLayer]")


def own_layer(cls: Class) -> Class:
    """Registers a layer in Keras, under the package `modelspec`."""
    cls.__module__ = ADDRESS
    registered: Class = keras.saving.register_keras_serializable(package="modelspec")(cls)
    return registered


class OwnLayer(keras.layers.Layer):
    """Keeps the settings of the constructor under their names, and saves them."""

    kept: ClassVar[tuple[str, ...]] = ()
    """The names of the settings passed to `_keep`."""

    def _keep(self, **settings: Any) -> None:
        for name, value in settings.items():
            family = _family(name)
            if isinstance(value, list):  # the value that it had before it was saved
                value = tuple(value)
            setattr(self, name, family.get(value) if family else value)

    def get_config(self) -> dict[str, Any]:
        """Everything that is required to create the same layer again. Keras itself saves the
        regularizer of the output.
        """
        config: dict[str, Any] = super().get_config()
        for name in self.kept:
            family, value = _family(name), getattr(self, name)
            config[name] = family.serialize(value) if family else value
        return config

    def _weight(self, name: str, shape: Sequence[int], like: str) -> Any:
        """A weight with the initializer, regularizer and constraint that are set for `like`."""
        return self.add_weight(
            name=name,
            shape=tuple(shape),
            initializer=getattr(self, f"{like}_initializer"),
            regularizer=getattr(self, f"{like}_regularizer", None),
            constraint=getattr(self, f"{like}_constraint", None),
        )
