"""The model over the columns of its data as one functional Keras model, including preparation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from ..data.table import Array
from .job import Job


def serving_model(job: Job) -> keras.Model:
    """The model that takes the columns of a row, by name, and returns values in the units of the
    targets' columns.
    """
    batch = job.fixed_batch
    raw = {
        name: keras.Input(batch_shape=(batch, *one.shape), dtype=one.dtype, name=name)
        for name, one in job.preparing.raw.items()
    }
    found = job.model(called_with(job.model, job.preparing.inputs(raw)))
    outputs = job.preparing.outputs(
        found if isinstance(found, Mapping) else {job.outputs[0]: found}
    )
    _name_apart(outputs.values(), raw)
    return keras.Model(raw, outputs, name=f"{job.model.name}_served")


def _name_apart(outputs: Any, taken: Mapping[str, Any]) -> None:
    """Gives every operation a unique name: a column may have the same name as an operation (`cast`,
    or the model), and Keras requires unique names.
    """
    known = set(taken)
    for operation in _operations(outputs):
        name, count = operation.name, 0
        while operation.name in known:
            count += 1
            operation.name = f"{name}_{count}"
        known.add(operation.name)


def _operations(outputs: Any) -> Iterator[Any]:
    """Every operation, except inputs, from which symbolic tensors are computed."""
    waiting, seen = list(outputs), set[int]()
    while waiting:
        # Keras has no public way from a tensor to its operation before a model exists.
        operation, node, _ = waiting.pop()._keras_history
        if id(operation) in seen or isinstance(operation, keras.layers.InputLayer):
            continue
        seen.add(id(operation))
        yield operation
        waiting += operation._inbound_nodes[node].input_tensors


def called_with(model: keras.Model, inputs: Mapping[str, Any]) -> Any:
    """Tensors by name, in the form for calling a model."""
    return dict(inputs) if isinstance(model.input, Mapping) else next(iter(inputs.values()))


def tensors(values: Mapping[str, Array]) -> dict[str, Any]:
    """Values as TensorFlow's tensors."""
    from ..data.transforms import to_tensor

    return {name: to_tensor(one) for name, one in values.items()}


def predicted(model: keras.Model, values: Mapping[str, Array]) -> Any:
    """The outputs of a served model for a batch."""
    return model(called_with(model, tensors(values)), training=False)


def own_layers(model: keras.Model) -> tuple[str, ...]:
    """The kinds of layers in a model that Keras does not have."""
    found = {
        type(layer).__name__
        for layer in model._flatten_layers()
        if type(layer).__module__.startswith("modelspec.")
    }
    return tuple(sorted(found))
