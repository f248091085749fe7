"""The weights that a training changes, by their paths in Keras, and the optimizer of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelspec.catalog.components.optimizer import Gradient, Optimizer
from modelspec.catalog.layers.layer import Weight

from ..infer import TypedGraph
from ..spec.training_section import Training


class TrainedWeight(NamedTuple):
    """One weight: its layer's own name, and its name below that. Sub-models have no part in it."""

    path: str
    weight: Weight


def trained_weights(typed: TypedGraph, seen: set[str] | None = None) -> Iterator[TrainedWeight]:
    """Every weight once, however many calls share it; none of what is frozen."""
    seen = set() if seen is None else seen
    if not typed.graph.trainable:
        return
    for call in typed.alive:
        if call.inside is not None:
            yield from trained_weights(call.inside, seen)
            continue
        for weight in call.weights:
            path = f"{call.shared or call.name}/{weight.name}"
            if weight.trainable and path not in seen:
                seen.add(path)
                yield TrainedWeight(path, weight)


def with_optimizers(
    typed: TypedGraph, training: Training
) -> Iterator[tuple[TrainedWeight, Gradient]]:
    """Each weight with what trains it; none where two optimizers would (MS591)."""
    if training.choices is None:
        return
    optimizer = training.optimizer
    if not isinstance(optimizer, Optimizer):
        return
    by_path = optimizer.by_path
    for one in trained_weights(typed):
        if by_path is None:
            yield from ((one, gradient) for gradient in optimizer.gradients[:1])
            continue
        keys = by_path.assigned(one.path)
        if len(keys) > 1:
            continue
        chosen = by_path.optimizer_map[keys[0]] if keys else by_path.default_optimizer
        yield from ((one, gradient) for gradient in chosen.gradients)
