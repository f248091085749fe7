"""The numbers of a model that are known without running it, by the names that expectations use."""

from __future__ import annotations

from typing import Final

from modelspec.core.records import NamedTuple
from modelspec.core.shapes import PENDING, Size, product, total

from ..spec.training_section import Training
from .stage_graphs import StageGraph
from .typed_graph import TypedCall, TypedGraph

_LARGEST: Final = 3


class StaticNumber(NamedTuple):
    """A number, and the layers that contribute most to it."""

    value: Size
    largest: tuple[tuple[TypedCall, int], ...]
    reason: str | None = None
    """Why it is not known, if there is more information than its value."""


def static_number(
    name: str,
    graph: TypedGraph,
    training: Training | None,
    stages: tuple[StageGraph, ...] = (),
) -> StaticNumber:
    """One of `parameters`, `trainable_parameters`, `multiply_adds` and `memory`; its value is not
    an `int` if sizes are not known. With `stages` the memory is that of the largest one.
    """
    if name == "memory":
        return _memory(graph, training, stages)
    if name == "multiply_adds":
        value = total(layer.multiply_adds for layer in graph.alive)
        return StaticNumber(value, _largest({one.name: one.flops for one in graph.alive}, graph))
    trained_only = name == "trainable_parameters"
    weights = [one for one in graph.weights if one.trainable or not trained_only]
    by_layer = {
        one.name: one.trainable_parameters if trained_only else one.parameters
        for one in graph.alive
    }
    return StaticNumber(total(product(one.shape) for one in weights), _largest(by_layer, graph))


def _memory(
    graph: TypedGraph, training: Training | None, stages: tuple[StageGraph, ...]
) -> StaticNumber:
    """The memory of training at its batch size. The activations of a sub-model are those of all its
    layers.
    """
    if training is None or training.choices is None:
        return StaticNumber(None, (), "the spec has no `training`")
    from .memory import NotKnown, estimated_memory, largest_memory

    found = largest_memory(stages) if stages else estimated_memory(graph, training)
    if isinstance(found, NotKnown):
        pending = any(PENDING in tensor.shape for tensor in graph.inputs.values())
        return StaticNumber(PENDING if pending else None, (), found.reason)
    by_layer: dict[str, int | None] = {}
    for path, size in found.largest:
        name = path.partition("/")[0]
        by_layer[name] = (by_layer.get(name) or 0) + size
    return StaticNumber(found.total, _largest(by_layer, graph))


def _largest(
    by_layer: dict[str, int | None], graph: TypedGraph
) -> tuple[tuple[TypedCall, int], ...]:
    """The layers that contribute most, the largest first."""
    counts = [(graph.layer(name), count) for name, count in by_layer.items() if count]
    found = [(layer, count) for layer, count in counts if layer is not None and count is not None]
    return tuple(sorted(found, key=lambda one: -one[1])[:_LARGEST])
