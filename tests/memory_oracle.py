"""What a traced training step of Keras keeps, read from TensorFlow's own graph of it.

The step is the runner's: forward, loss, gradients, metrics, optimizer, traced for batches of one
size. A tensor is kept where an operation from before the gradients makes it and one of the
gradients, or after them, reads its numbers. Several tensors that share one buffer (`Reshape`) count
once; variables count as weights, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import tensorflow as tf

from modelspec.runtime.run.step import TrainingSteps

_SAME_BUFFER = {
    "Bitcast",
    "EnsureShape",
    "ExpandDims",
    "Identity",
    "PreventGradient",
    "Reshape",
    "Squeeze",
    "StopGradient",
}
_SHAPE_ALONE = {
    "BroadcastGradientArgs",
    "OnesLike",
    "Rank",
    "Shape",
    "ShapeN",
    "Size",
    "EmptyTensorList",
    "TensorListElementShape",
    "TensorListLength",
    "VariableShape",
    "ZerosLike",
}
"""Operations that read no number of what they take, where its shape is known."""


@dataclass(frozen=True)
class Traced:
    """Bytes."""

    weights: int
    gradients: int
    slots: int
    kept: dict[str, int]
    """By the name of the tensor that is kept."""

    @property
    def activations(self) -> int:
        return sum(self.kept.values())

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.slots + self.activations


def trace_training(model: keras.Model, inputs: Any, targets: Any) -> Traced:
    """Of a compiled model, for batches of these `TensorSpec`s, whose sizes are all known."""
    model.optimizer.build(model.trainable_variables)
    steps = TrainingSteps(model, roll_back=False)
    steps.measures.make_variables(targets, None)
    with _marked() as marks:
        graph = steps._one.get_concrete_function((inputs, targets)).graph
    start, gradients = marks[-1]
    captured = {id(one) for one in graph.internal_captures}
    batch = {one.name: _bytes(one) for one in graph.inputs if id(one) not in captured}
    return Traced(
        _of_variables(model.variables),
        sum(_bytes(one) for one in gradients if one is not None),
        _of_variables([one for one in model.optimizer.variables if len(one.shape)]),
        batch | kept_tensors(graph, start),
    )


def kept_by(compute: Callable[..., Any], trained: Sequence[Any], *given: Any) -> dict[str, int]:
    """What a gradient of all that a function computes keeps of it, by name: with respect to the
    variables, and to the floating-point tensors that it is given (nested `TensorSpec`s).
    """
    starts: list[int] = []

    def step(*tensors: Any) -> Any:
        floats = [one for one in tf.nest.flatten(tensors) if one.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floats)
            made = [one for one in tf.nest.flatten(compute(*tensors)) if one is not None]
            total = tf.add_n([tf.reduce_sum(tf.cast(one, "float32")) for one in made])
        starts.append(len(tf.compat.v1.get_default_graph().get_operations()))
        found = tape.gradient(total, [*floats, *trained])
        return [tf.convert_to_tensor(one) for one in found if one is not None]

    graph = tf.function(step, autograph=False).get_concrete_function(*given).graph
    return kept_tensors(graph, starts[-1])


@contextmanager
def _marked() -> Iterator[list[tuple[int, Any]]]:
    """How many operations there were when gradients were asked for, and what they are."""
    marks: list[tuple[int, Any]] = []
    original = tf.GradientTape.gradient

    def gradient(self: Any, target: Any, sources: Any, *args: Any, **options: Any) -> Any:
        before = len(tf.compat.v1.get_default_graph().get_operations())
        found = original(self, target, sources, *args, **options)
        marks.append((before, found))
        return found

    tf.GradientTape.gradient = gradient
    try:
        yield marks
    finally:
        tf.GradientTape.gradient = original


def kept_tensors(graph: Any, start: int) -> dict[str, int]:
    """What the first `start` operations of a graph make and later ones read, by name."""
    operations = graph.get_operations()
    before = set(operations[:start])
    found: dict[str, int] = {}
    needed = _needed(graph)
    for operation in operations[start:]:
        if operation.type in _SHAPE_ALONE or operation.type in _SAME_BUFFER:
            # A view is kept where something reads it, which is found at the reader.
            continue
        if operation not in needed:
            continue
        for tensor in operation.inputs:
            source = _buffer(tensor)
            if source.op in before and not _is_free(source):
                found[_name(source)] = _bytes(source)
    return found


def _name(tensor: Any) -> str:
    """A tensor that a loop puts into several lists is one tensor."""
    if tensor.dtype != tf.variant:
        return str(tensor.name)
    return f"{tensor.op.name}: {_item(tensor).name}"


def _needed(graph: Any) -> set[Any]:
    """What runs: TensorFlow leaves out what neither a result nor a change of a variable needs."""
    found: set[Any] = set()
    queue = [*(one.op for one in graph.outputs), *graph.control_outputs]
    while queue:
        operation = queue.pop()
        if operation not in found:
            found.add(operation)
            queue.extend(one.op for one in operation.inputs)
            queue.extend(operation.control_inputs)
    return found


def _buffer(tensor: Any) -> Any:
    while tensor.op.type in _SAME_BUFFER:
        tensor = tensor.op.inputs[0]
    return tensor


def _is_free(tensor: Any) -> bool:
    """Whether it is a variable, or a number that is there from the beginning."""
    return tensor.op.type in ("ReadVariableOp", "Const") or tensor.dtype == tf.resource


def _bytes(tensor: Any) -> int:
    if tensor.dtype == tf.variant:
        return _list_bytes(tensor)
    return prod(tensor.shape.as_list()) * int(tensor.dtype.size)


def _list_bytes(tensor: Any) -> int:
    """Of what a loop adds to a list at each turn. A variable that it adds stays one variable."""
    item = _item(tensor)
    if _is_free(item):
        return 0
    return _turns(tensor.op) * prod(item.shape.as_list()) * int(item.dtype.size)


def _item(tensor: Any) -> Any:
    """What a loop adds to the list."""
    loop = tensor.op
    assert loop.type in ("While", "StatelessWhile"), loop.type
    body = loop.graph._get_function(loop.get_attr("body").name).graph
    added = _buffer(body.outputs[tensor.value_index]).op
    assert added.type == "TensorListPushBack", added.type
    return _buffer(added.inputs[1])


def _turns(loop: Any) -> int:
    """As often as the sequence that it reads has steps."""
    (count,) = {
        one.op.inputs[0].shape[0] for one in loop.inputs if one.op.type == "TensorListFromTensor"
    }
    return int(count)


def _of_variables(variables: Any) -> int:
    return sum(
        prod(one.shape) * tf.dtypes.as_dtype(one.dtype).size
        for one in variables
        if keras.backend.is_float_dtype(one.dtype)
    )
