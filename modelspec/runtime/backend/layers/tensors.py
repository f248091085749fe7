"""Tensors without an input: Parameter, Constant.

Exported scripts contain the source of these classes, so it uses only Keras and NumPy.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import constraints, initializers, ops, regularizers

from .base import own_layer


@own_layer
class Parameter(keras.layers.Layer):
    """A trained tensor, repeated for every example of the batch of its input."""

    def __init__(
        self,
        shape: Any,
        initializer: Any = "glorot_uniform",
        regularizer: Any = None,
        constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.shape = tuple(shape)
        self.initializer = initializers.get(initializer)
        self.regularizer = regularizers.get(regularizer)
        self.constraint = constraints.get(constraint)

    def build(self, input_shape: Any) -> None:
        self.value = self.add_weight(
            name="value",
            shape=self.shape,
            initializer=self.initializer,
            regularizer=self.regularizer,
            constraint=self.constraint,
        )

    def call(self, inputs: Any) -> Any:
        return repeated(self.value, inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self.shape)

    def get_config(self) -> Any:
        return {
            **super().get_config(),
            "shape": self.shape,
            "initializer": initializers.serialize(self.initializer),
            "regularizer": regularizers.serialize(self.regularizer),
            "constraint": constraints.serialize(self.constraint),
        }


@own_layer
class Constant(keras.layers.Layer):
    """Numbers, repeated for every example of the batch of its input.

    They are a weight that is not trained: the configuration of the layer contains
    their shape and dtype (`numbers`), and only a few of them. `file` is a `.npy` or
    `.npz` file.
    """

    def __init__(
        self,
        value: Any = None,
        file: Any = None,
        array: Any = None,
        shape: Any = (),
        numbers: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if file is not None:
            value = loaded(file, array)
        if value is None and numbers is None:
            raise ValueError("Constant requires `value` or `file`.")
        found = np.zeros(shape) if value is None else np.asarray(value)
        if numbers is None:
            is_number = "dtype" in kwargs or found.dtype.kind == "f"
            small = np.asarray(found, "int32") if found.dtype.kind == "i" else found
            given = small if file is None and np.array_equal(small, found) else found
            numbers = self.variable_dtype if is_number else given.dtype.name
        self.numbers = numbers
        self.given = found

    def build(self, input_shape: Any) -> None:
        self.value = self.add_weight(
            name="value",
            shape=self.given.shape,
            initializer=lambda shape, dtype: ops.cast(self.given, dtype),
            dtype=self.numbers,
            trainable=False,
        )

    def call(self, inputs: Any) -> Any:
        return repeated(self.value, inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *self.given.shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        dtype = self.compute_dtype if "float" in self.numbers else self.numbers
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> Any:
        config = {**super().get_config(), "numbers": self.numbers}
        if self.given.size > 1000:
            return {**config, "shape": self.given.shape}
        return {**config, "value": self.given.tolist()}


def repeated(value: Any, inputs: Any) -> Any:
    """The value for each example of a batch."""
    value = ops.expand_dims(ops.convert_to_tensor(value), 0)
    return ops.repeat(value, ops.shape(inputs)[0], axis=0)


def loaded(file: Any, array: Any) -> Any:
    """The array in a file. Python objects are never loaded."""
    found = np.load(file, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found:
        return found[array or found.files[0]]
