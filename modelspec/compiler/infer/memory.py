"""The memory that training needs at its batch size, inferred from types: weights, gradients,
optimizer state, and the activations that are kept for the backward pass.

Not counted: temporary memory of operations, memory that an allocator reserves but does not use,
prefetched batches, and the framework itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelspec.core.shapes import Tensor

from ..spec.training_section import Training
from .activations import Kept, kept_activations
from .player_graphs import player_graphs
from .stage_graphs import StageGraph
from .tensor_bytes import UnknownSize, bytes_of
from .trained_weights import trained_weights, with_optimizers
from .typed_graph import TypedGraph

__all__ = ["Memory", "NotKnown", "estimated_memory", "largest_memory", "training_memory"]


@dataclass(frozen=True)
class Memory:
    """Bytes by purpose."""

    batch_size: int
    weights: int
    gradients: int
    slots: int
    """Optimizer state, kept from step to step."""
    kept: Kept
    """Activations that are kept for the backward pass, by layer."""
    trained: bool = True
    """Whether the spec has a `training` section; without one there are only weights and
    activations.
    """
    stage: str | None = None
    """The stage of the training that takes it."""

    @property
    def activations(self) -> int:
        return self.kept.total.at(self.batch_size)

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.slots + self.activations

    @property
    def largest(self) -> tuple[tuple[str, int], ...]:
        """The layers with the largest activations, the largest first; `encoder/dense` is a layer of
        a sub-model.
        """
        found = [(name, size.at(self.batch_size)) for name, size in self.kept.by_layer.items()]
        return tuple(sorted(found, key=lambda one: -one[1]))

    def at(self, batch_size: int) -> Memory:
        """The memory for another batch size."""
        return replace(self, batch_size=batch_size)

    def largest_batch(self, limit: int) -> int | None:
        """The largest batch size with a total of at most `limit` bytes; 0 if not even one example
        fits; None if the total does not depend on the batch size.
        """
        each = self.kept.total.each
        if not each:
            return None
        left = limit - self.at(0).total
        return max(left // each, 0)


@dataclass(frozen=True)
class NotKnown:
    """Why the memory is not known: a sentence without the period."""

    reason: str


def training_memory(
    graph: TypedGraph, training: Training | None, batch_size: int | None = None
) -> Memory | None:
    """The memory of training; None if a required size is not known (`estimated_memory` reports
    which).

    `batch_size` is that of the section by default. Without a `training` section it is the memory
    of one example: weights, and the activations that a gradient of all outputs would need.
    """
    found = estimated_memory(graph, training, batch_size)
    return found if isinstance(found, Memory) else None


def estimated_memory(
    graph: TypedGraph, training: Training | None, batch_size: int | None = None
) -> Memory | NotKnown:
    """The memory of training, or why it is not known: see `training_memory`."""
    ready = training if training is not None and training.choices is not None else None
    if batch_size is None:
        batch_size = ready.batch_size if ready else 1
    try:
        if ready is not None and ready.players:
            return _of_players(graph, ready, batch_size)
        return Memory(
            batch_size,
            _weights(graph),
            _gradients(graph) if ready else 0,
            _slots(graph, ready) if ready else 0,
            kept_activations(graph, ready),
            ready is not None,
        )
    except UnknownSize as unknown:
        return NotKnown(str(unknown))


def _of_players(graph: TypedGraph, training: Training, batch_size: int) -> Memory:
    """That of the update that takes most, with the optimizer state of all players."""
    alone = [
        (one, player.training(training)) for player, one in player_graphs(graph, training.players)
    ]
    slots = sum(_slots(one, player) for one, player in alone)
    found = [
        Memory(batch_size, _weights(graph), _gradients(one), slots, kept_activations(one, player))
        for one, player in alone
    ]
    return max(found, key=lambda one: one.total)


def largest_memory(stages: Iterable[StageGraph]) -> Memory | NotKnown:
    """The memory of the stage that takes most; why it is not known if that of a stage is not."""
    found: list[Memory] = []
    for stage, graph in stages:
        memory = estimated_memory(graph, stage.training)
        if isinstance(memory, NotKnown):
            return memory
        found.append(replace(memory, stage=stage.name))
    return max(found, key=lambda one: one.total)


def _weights(graph: TypedGraph) -> int:
    # Layers first: a weight alone does not identify its layer.
    for layer in graph.alive:
        for one in layer.weights:
            _size([Tensor(one.shape, one.dtype)], f"the weight `{one.name}` of `{layer.name}`")
    return sum(_size([Tensor(one.shape, one.dtype)], "a weight") for one in graph.weights)


def _gradients(graph: TypedGraph) -> int:
    return sum(
        _size([Tensor(one.weight.shape, one.weight.dtype)], f"the weight `{one.path}`")
        for one in trained_weights(graph)
    )


def _slots(graph: TypedGraph, training: Training) -> int:
    return sum(
        _size(
            optimizer.slots(one.path, Tensor(one.weight.shape, one.weight.dtype)),
            f"the weight `{one.path}`",
        )
        for one, optimizer in with_optimizers(graph, training)
    )


def _size(tensors: Iterable[Tensor], what: str) -> int:
    return sum(bytes_of(one, what).fixed for one in tensors)
